"""Managers whose verbs work on the database that is written to."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import models, router

from billing.db.environment_stamp import require_mode

M = TypeVar("M", bound=models.Model)


class PrimaryManager(models.Manager[M]):
    """A manager whose `self.db`, the alias of its transactions, is that of writing; an alias that
    was chosen (`db_manager`) counts first.

    Its querysets are as ever: a page that reads through it may be sent to a replica.
    `self.using(self.db)` reads what decides.
    """

    @property
    def db(self) -> str:
        hints: dict[str, Any] = self._hints  # type: ignore[attr-defined]
        chosen: str = self._db or router.db_for_write(self.model, **hints)
        return chosen


class WholeTableManager(PrimaryManager[M]):
    """A manager whose verbs act on the whole table, wherever the row that they are about lies."""

    def require_whole_table(self) -> None:
        """TypeError where a verb is called on a related manager (`point.transactions.sync`) or one
        of another database: it would look as if it were held to those rows, and is not.
        WrongDatabase where the database was made for the other mode.
        """
        related = hasattr(self, "core_filters")
        chosen = self._db
        if related or (chosen is not None and chosen != router.db_for_write(self.model)):
            name = self.model.__name__
            raise TypeError(f"this acts on the whole table: call it on {name}.objects")
        require_mode()
