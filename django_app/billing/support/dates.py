"""Times as people read them, with weekdays as short as Korean writes them: 11월 26일 (목)."""

from __future__ import annotations

from datetime import datetime

from django.utils import formats, timezone
from django.utils.translation import pgettext


def short_date(value: datetime, form: str) -> str:
    """`value` in the current time zone and language, by Django's letters. D is ours: Django's own
    catalogue spells weekdays out, and ours must not change its words in the rest of a project.
    """
    local = timezone.localtime(value)
    parts = [formats.date_format(local, part) if part else "" for part in form.split("D")]
    return _weekday(local).join(parts)


def _weekday(local: datetime) -> str:
    days = (
        pgettext("weekday", "Mon"),
        pgettext("weekday", "Tue"),
        pgettext("weekday", "Wed"),
        pgettext("weekday", "Thu"),
        pgettext("weekday", "Fri"),
        pgettext("weekday", "Sat"),
        pgettext("weekday", "Sun"),
    )
    return days[local.weekday()]
