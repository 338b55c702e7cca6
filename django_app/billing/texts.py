"""What the scripts of the pages say. They hold no text of their own: it reaches them in the page's JSON.

`{amount}` (won), `{points}` and `{message}` are filled in by the script.
"""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

# Django's own Korean catalogue spells weekdays out; named here, they enter ours, which goes first: 11월 26일 (목).
SHORT_WEEKDAYS = [
    gettext_noop("Mon"),
    gettext_noop("Tue"),
    gettext_noop("Wed"),
    gettext_noop("Thu"),
    gettext_noop("Fri"),
    gettext_noop("Sat"),
    gettext_noop("Sun"),
]


def charge_texts() -> dict[str, str]:
    """Texts of charge.js, in the active language."""
    return {
        "pay": _("Pay"),
        "pay_amount": _("Pay {amount} won"),
        "exchange": _("Pay {amount} won and receive {points}P"),
        "balance_after": _("Balance after: {points}P"),
        "opening": _("Opening the payment window"),
        "window_open": _("Finish the payment in the window"),
        "window_gone": _("Is the window gone? See this payment"),
        "checking": _("We are checking your payment"),
        "checking_leave": _("You can safely leave. If you paid, your points arrive by themselves."),
        "retrying": _("The connection is slow. We keep asking."),
        "offline": _("You are offline. We go on as soon as the connection is back."),
        "stopped": _("The window closed before a payment reached us. If you did pay, your points arrive by themselves."),
        "quote": _("The payment service says: {message}"),
        "login_needed": _("Log in again and we continue here."),
        "no_answer": _("We cannot reach the server. Nothing was taken. Please try again shortly."),
        "unexpected": _("Something went wrong on our side. Nothing was taken. Please try again shortly."),
        "sdk_missing": _("The payment window could not be loaded. Please check your connection and whether something blocks it."),
        "try_again": _("Try again"),
        "reload": _("Reload the page"),
        "see_payment": _("See this payment"),
    }


def payment_texts() -> dict[str, str]:
    """Texts of payment.js, in the active language."""
    return {"copied": _("The account number is copied.")}
