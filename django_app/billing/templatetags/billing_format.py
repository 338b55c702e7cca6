"""Numbers and times as people read them, in any project: without django.contrib.humanize in
INSTALLED_APPS, and without a word of ours in the place of one of Django's.
"""

from datetime import datetime

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.template.defaultfilters import date
from django.utils import timezone
from django.utils.translation import pgettext

register = template.Library()
register.filter(intcomma)


@register.filter
def moment(value: datetime, form: str) -> str:
    """Django's `date`, whose D is short in Korean, too: 11월 26일 (목)."""
    parts = [date(value, part) if part else "" for part in form.split("D")]
    return _short_weekday(value).join(parts)


def _short_weekday(value: datetime) -> str:
    """Django's own catalogue spells weekdays out."""
    days = (
        pgettext("weekday", "Mon"),
        pgettext("weekday", "Tue"),
        pgettext("weekday", "Wed"),
        pgettext("weekday", "Thu"),
        pgettext("weekday", "Fri"),
        pgettext("weekday", "Sat"),
        pgettext("weekday", "Sun"),
    )
    return days[timezone.localtime(value).weekday()]
