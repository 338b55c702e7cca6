"""Keeps the gateway's tables apart: in life, too, its database is not ours."""

from typing import Any

ALIAS = "sandbox"


class SandboxRouter:
    """Models of the app `sandbox`, and nothing else, live in the alias `sandbox`."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return ALIAS if model._meta.app_label == "sandbox" else None

    db_for_write = db_for_read

    def allow_relation(self, obj1: Any, obj2: Any, **hints: Any) -> bool | None:
        labels = {obj1._meta.app_label, obj2._meta.app_label}
        return labels == {"sandbox"} if "sandbox" in labels else None

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        if db == ALIAS or app_label == "sandbox":
            return db == ALIAS and app_label == "sandbox"
        return None
