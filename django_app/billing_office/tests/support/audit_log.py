"""The log of what staff did, for tests."""

from __future__ import annotations

import json

from django.contrib.admin.models import LogEntry


def deeds() -> list[tuple[str, str | None]]:
    """(what, result or note) of the log, oldest first."""
    found = [json.loads(entry.change_message) for entry in LogEntry.objects.order_by("pk")]
    return [(one["what"], one.get("result") or one.get("note")) for one in found]
