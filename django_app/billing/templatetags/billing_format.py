"""Numbers and times as people read them, in any project: without django.contrib.humanize in
INSTALLED_APPS, and without a word of ours in the place of one of Django's.
"""

from datetime import datetime

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import get_language_info

from billing.support.dates import short_date

register = template.Library()
register.filter(intcomma)


@register.filter
def moment(value: datetime | None, form: str) -> str:
    """Django's `date`, whose D is short in Korean, too; "" for no time."""
    return short_date(value, form) if value else ""


@register.filter
def own_name(code: str, name: str) -> str:
    """A language's name in itself; the project's for one that Django does not know."""
    try:
        return str(get_language_info(code)["name_local"])
    except KeyError:
        return name
