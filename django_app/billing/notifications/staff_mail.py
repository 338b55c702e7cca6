"""The night's mail to staff: what waits for them, and whether everything agrees. Numbers of cases
only, no money and nobody's data.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.urls import NoReverseMatch
from django.utils import translation
from django.utils.translation import gettext as _

from billing.admin_site import admin_site, admin_url
from billing.conf import conf
from billing.notifications.member_mail import Letter, message
from billing.reports.open_work import OpenWork, open_work


def send(codes: Mapping[str, int]) -> int:
    """Mail the state of things to BILLING_STAFF_MAIL, in the site's language; how many addresses
    that were.

    codes: the night's steps and how each ended (0: well). It goes out every night, also when
    nothing waits: a night without a mail is one in which the job did not run. Every call is a mail.
    Raises what the mail backend raises.
    """
    if not conf.BILLING_STAFF_MAIL:
        return 0
    with translation.override(conf.django.LANGUAGE_CODE):
        letter = _letter(open_work(), {name: code for name, code in codes.items() if code})
        for address in conf.BILLING_STAFF_MAIL:
            message(letter, address).send()
    return len(conf.BILLING_STAFF_MAIL)


def _letter(now: OpenWork, troubles: Mapping[str, int]) -> Letter:
    if troubles:
        steps = ", ".join(f"{name} ({code})" for name, code in troubles.items())
        sentence = _(
            "Not everything agrees, or a step broke: %(steps)s. The job's output says more."
        ) % {"steps": steps}
    elif now.unmatched:
        sentence = _(
            "Every transaction agrees, but the gateway holds payments that no transaction has: "
            "somebody must decide."
        )
    else:
        sentence = _(
            "Everything agrees: the gateway, the transactions, the ledger and the figures."
        )
    return Letter(
        _subject(now, troubles),
        [sentence],
        [
            (_("Open reviews"), f"{now.reviews:,}"),
            (_("Cancels whose result is unknown"), f"{now.unknown_cancels:,}"),
            (_("Wrong money on its way back"), f"{now.mismatch_refunds:,}"),
            (_("Only staff can finish"), f"{now.for_staff:,}"),
            (_("Deliveries not handled yet"), f"{now.deliveries:,}"),
            (_("Unmatched payments that nobody has decided"), f"{now.unmatched:,}"),
        ],
        link=_admin_link(),
        link_label=_("Back office"),
    )


def _admin_link() -> str:
    """The first page of the admin that shows the lists; "" where there is none."""
    if not conf.PUBLIC_URL or admin_site() is None:
        return ""
    try:
        return f"{conf.PUBLIC_URL}{admin_url('index')}"
    except NoReverseMatch:  # a project without Django's admin among its addresses
        return ""


def _subject(now: OpenWork, troubles: Mapping[str, int]) -> str:
    if troubles:
        return _("Points: the night did not go well")
    if now.unmatched:
        return _(
            "Points: %(reviews)s reviews, %(unknown)s unknown cancels, %(unmatched)s unmatched "
            "payments"
        ) % {
            "reviews": f"{now.reviews:,}",
            "unknown": f"{now.unknown_cancels:,}",
            "unmatched": f"{now.unmatched:,}",
        }
    if now.reviews or now.unknown_cancels or now.for_staff:
        return _("Points: %(reviews)s reviews, %(unknown)s unknown cancels") % {
            "reviews": f"{now.reviews:,}",
            "unknown": f"{now.unknown_cancels:,}",
        }
    return _("Points: nothing waits for you")
