"""What the scripts of the pages say. They hold no text of their own: it reaches them in the page's
JSON.

`{amount}` (won), `{points}` and `{message}` are filled in by the script.
"""

from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.html import json_script
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _


class _Plain(DjangoJSONEncoder):
    """Korean as it is: escaped, each syllable would take six bytes instead of three."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "ensure_ascii": False})


def data_block(value: Any, element_id: str) -> SafeString:
    """Django's json_script, in half the bytes."""
    return json_script(value, element_id, encoder=_Plain)


def charge_texts() -> dict[str, str]:
    """Texts of the charge page's scripts, in the active language."""
    return {
        "pay": _("Pay"),
        "pay_amount": _("Pay {amount} won"),
        "get_account": _("Get an account for {amount} won"),
        "exchange": _("Pay {amount} won and receive {points}P"),
        "exchange_later": _("Deposit {amount} won and receive {points}P"),
        "choose": _("Choose an amount and you see what you receive."),
        "method_vbank": _("You get an account number. Your points arrive once you deposit."),
        "method_phone": _("It is added to your phone bill of this month."),
        "phone_asked": _("Your phone number is asked for below."),
        "amount_missing": _("Enter an amount."),
        "amount_min": _("The smallest amount is {amount} won."),
        "amount_max": _("The largest amount is {amount} won."),
        "amount_step": _("Enter the amount in steps of {amount} won."),
        "phone_missing": _("Enter a telephone number: the payment company asks for it."),
        "agree_missing": _("Please agree to the purchase first."),
        "opening": _("Opening the payment window"),
        "window_open": _("Finish the payment in the window"),
        "window_gone": _("Is the window gone? See this payment"),
        "blocked": _("Your browser blocked the payment window"),
        "blocked_detail": _(
            "Press the button once more. It is the same payment, nothing was taken."
        ),
        "open_window": _("Open the payment window"),
        "checking": _("We are checking your payment"),
        "checking_leave": _("You can safely leave. If you paid, your points arrive by themselves."),
        "check_again": _("Check again"),
        "retrying": _("The connection is slow. We keep asking."),
        "offline": _("You are offline. We go on as soon as the connection is back."),
        "stopped": _(
            "The window closed before a payment reached us. If you did pay, your points arrive "
            "by themselves."
        ),
        "quote": _("The payment service says: {message}"),
        "login_needed": _("Log in again and we continue here."),
        "no_answer": _("We cannot reach the server. Nothing was taken. Please try again shortly."),
        "unexpected": _(
            "Something went wrong on our side. Nothing was taken. Please try again shortly."
        ),
        "sdk_missing": _(
            "The payment window could not be loaded. Please check your connection and whether "
            "something blocks it."
        ),
        "try_again": _("Try again"),
        "reload": _("Reload the page"),
        "see_payment": _("See this payment"),
    }


def exchange_words(texts: dict[str, str], amount: int, pay_method: str) -> str:
    """What is paid and what is received, as choose.js says it. amount: won, 0 for none yet."""
    if not amount:
        return texts["choose"]
    words = texts["exchange_later" if pay_method == "vbank" else "exchange"]
    return words.format(amount=f"{amount:,}", points=f"{amount:,}")


def pay_words(texts: dict[str, str], amount: int, pay_method: str) -> str:
    """What the main button does, as choose.js says it. amount: won, 0 for none yet."""
    if not amount:
        return texts["pay"]
    return texts["get_account" if pay_method == "vbank" else "pay_amount"].format(
        amount=f"{amount:,}"
    )


def payment_texts() -> dict[str, str]:
    """Texts of the payment page's scripts, in the active language."""
    return {
        "copied": _("Copied"),
        "copy_failed": _("Please copy the number by hand."),
        "left_days": _("{days} d {hours} h left"),
        "left_hours": _("{hours} h {minutes} min left"),
        "left_minutes": _("{minutes} min {seconds} s left"),
        "asking": _("Asking the payment service"),
        "no_news": _("No news yet. We keep asking."),
        "refunding": _("Asking for your refund"),
        "refund_checking": _("The connection was lost. We are checking whether your refund began."),
        "refund_not_begun": _("No refund was begun. You can press again; it never happens twice."),
        "refund_unknown": _(
            "We cannot reach the server to see whether your refund began. You can safely "
            "leave; it never happens twice."
        ),
        "no_answer": _("We cannot reach the server. Please try again shortly."),
        "retrying": _("The connection is slow. We keep asking."),
        "offline": _("You are offline. We go on as soon as the connection is back."),
    }
