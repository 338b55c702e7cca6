"""The night's mail to staff: what waits for them, and whether everything agrees. Numbers of cases only, no money and nobody's data."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from billing.backlog import Backlog, backlog


def send(codes: Mapping[str, int]) -> int:
    """Mail the state of things to BILLING_STAFF_MAIL, in the site's language; how many addresses that were.

    codes: the night's steps and how each ended (0: well). It goes out every night, also when nothing waits: a night without a mail is one
    in which the job did not run. Every call is a mail. Raises what the mail backend raises.
    """
    if not settings.BILLING_STAFF_MAIL:
        return 0
    with translation.override(settings.LANGUAGE_CODE):
        now = backlog()
        troubles = {name: code for name, code in codes.items() if code}
        link = f"{settings.PUBLIC_URL}{reverse('admin:index')}" if settings.PUBLIC_URL else ""
        text = render_to_string("billing/staff_mail.txt", {"now": now, "troubles": troubles, "link": link}).rstrip()
        EmailMessage(_subject(now, troubles), f"{text}\n", to=list(settings.BILLING_STAFF_MAIL)).send()
    return len(settings.BILLING_STAFF_MAIL)


def _subject(now: Backlog, troubles: Mapping[str, int]) -> str:
    if troubles:
        return _("Points: the night did not go well")
    if now.reviews or now.unknown or now.for_staff:
        return _("Points: %(reviews)d reviews, %(unknown)d unknown cancels") % {"reviews": now.reviews, "unknown": now.unknown}
    return _("Points: nothing waits for you")
