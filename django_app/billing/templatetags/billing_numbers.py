"""Numbers as people read them. Django's own filter, for projects that have not installed
django.contrib.humanize.
"""

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma

register = template.Library()
register.filter(intcomma)
