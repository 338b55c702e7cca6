"""Numbers and times as people read them, in any project: without django.contrib.humanize in
INSTALLED_APPS, and without a word of ours in the place of one of Django's.
"""

import re
from datetime import datetime

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.template.base import Node, NodeList, Parser, Token
from django.template.context import Context
from django.utils.safestring import SafeString
from django.utils.translation import get_language_info

from billing.support.dates import short_date

_BREAKS = re.compile(r"\s*\n\s*")

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


@register.tag
def compact(parser: Parser, token: Token) -> Node:
    """Without the line breaks and the indentation that only the template needs: a fifth of a page.
    For pages without `<pre>` and `<textarea>`.
    """
    nodes = parser.parse(("endcompact",))
    parser.delete_first_token()
    return _Compact(nodes)


class _Compact(Node):
    """A break becomes a space: between two links it is one that people see. Not a
    simple_block_tag: Django finds no `block` inside one.
    """

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        return SafeString(_BREAKS.sub(" ", self.nodelist.render(context).strip()))
