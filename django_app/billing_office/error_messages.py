"""Errors in words for staff: what happened, what it means for the money, what can be done."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.errors import (
    BillingError,
    CannotCancel,
    GatewayError,
    GatewayPaymentNotFound,
    GatewayRejected,
    GatewayUnreachable,
    NotAllowed,
)

# The codes of `NotAllowed`.
REFUSALS = {
    "closed": gettext_lazy("it is closed already"),
    "not_waiting": gettext_lazy("it is still being cleared by itself"),
    "accepted": gettext_lazy(
        "the gateway has accepted it already: sent twice, it could be paid twice"
    ),
    "part_cancelled": gettext_lazy(
        "a part was cancelled meanwhile, so that the gateway would refuse it"
    ),
    "account_needed": gettext_lazy("a refund account is needed"),
    "somebody_else": gettext_lazy("somebody else is deciding this at the moment"),
    "never_sent": gettext_lazy("it was never sent, or somebody else has decided"),
    "no_account_waits": gettext_lazy("no virtual account waits for a deposit here"),
    "row_exists": gettext_lazy("a transaction has this merchant_uid already"),
    "reason_needed": gettext_lazy("a note must say why"),
    "nothing_to_review": gettext_lazy("nothing is to be reviewed here"),
    "no_money_left": gettext_lazy("there is no money left in this payment"),
    "not_whole_won": gettext_lazy("it is not whole won"),
    "test_channel": gettext_lazy("it was paid through a test channel: no real money"),
    "card_registration": gettext_lazy("it registered a card, which is no payment"),
    "no_address": gettext_lazy("its merchant_uid cannot be an address here"),
}


def refusal(code: str) -> str:
    """Why a decision of staff was refused, as a part of a sentence; "" for other codes."""
    return str(REFUSALS.get(code, ""))


def words(error: BillingError) -> str:
    """One or two sentences; what the gateway itself said is quoted unchanged."""
    if isinstance(error, CannotCancel):
        return _cannot_cancel(error)
    if isinstance(error, NotAllowed):
        return _("That is not possible now: %(why)s.") % {"why": refusal(error.code)}
    if isinstance(error, GatewayError):
        said = f" “{error.gateway_message}”" if error.gateway_message else ""
        return f"{_gateway(error)}{said}"
    return str(error)


def _gateway(error: GatewayError) -> str:
    if isinstance(error, GatewayPaymentNotFound):
        return _("The gateway does not know this payment.")
    if isinstance(error, GatewayUnreachable):
        return _(
            "The gateway cannot be reached now. Nothing was changed here. Please try again shortly."
        )
    if isinstance(error, GatewayRejected):
        return _("The gateway said no. Nothing was changed here.")
    return _("The gateway's answer contradicts what we know. Nothing was changed here.")


def _cannot_cancel(error: CannotCancel) -> str:
    texts = {
        "not_paid": _("Nothing was paid, so there is nothing to cancel."),
        "cancel_open": _(
            "Another cancel of this payment is under way. Wait until it is done, or settle it."
        ),
        "nothing_left": _("All of it has been cancelled already."),
        "amount": _("This amount cannot be cancelled."),
        "changed": _(
            "The payment has changed since this form was opened, perhaps by yourself. Look at "
            "it again."
        ),
        "points_missing": _(
            "%(missing)s of these points have been spent already. Nothing was cancelled."
        )
        % {"missing": f"{error.missing:,}P"},
        "account_needed": _("This method is refunded to a bank account, which must be named."),
    }
    return texts.get(error.code, str(error))
