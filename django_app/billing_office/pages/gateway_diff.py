"""What we hold beside what the gateway says, line by line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from billing.errors import InvalidGatewayResponse
from billing.gateway.payment import Payment
from billing.models import PointTransaction
from billing.services.apply import changes
from billing.states import Status
from billing_office import columns, masking
from billing_office.formatting import NOTHING, badge, choice_badge, moment, money, won


@dataclass(frozen=True)
class DiffLine:
    """One fact on both sides. at_gateway None: not asked. differs: whether the two contradict each
    other.
    """

    label: Any
    held: Any
    at_gateway: Any = None
    differs: bool = False


def would_change(txn: PointTransaction, payment: Payment) -> list[str] | None:
    """What taking this answer over would change, in words; None where it contradicts the money that
    the row holds.
    """
    words = {
        "imp_uid": _("the payment number"),
        "status": _("the status"),
        "cancel_amount": _("the cancelled amount"),
        "pending_cancel_total": _("the open cancel is done"),
        "credited": _("the member's points"),
        "return": _("wrong money is sent back"),
        "review": _("the review flag"),
    }
    try:
        return [words[name] for name in changes(txn, payment)]
    except InvalidGatewayResponse:
        return None


_STATUS = dict(Status.choices)


@dataclass(frozen=True)
class Fact:
    """What both sides may know. written: a value as the page shows it."""

    column: str
    payment_field: str
    label: Any
    written: Callable[[Any], Any] = str


_FACTS = [
    Fact("merchant_uid", "merchant_uid", gettext_lazy("Order number")),
    Fact("imp_uid", "imp_uid", gettext_lazy("Payment number")),
    Fact("status", "status", gettext_lazy("Status")),
    Fact(
        "paid_method",
        "pay_method",
        gettext_lazy("Method used"),
        lambda value: columns.METHODS.get(value, value),
    ),
    Fact("pg_provider", "pg_provider", gettext_lazy("PG")),
    Fact("pg_id", "pg_id", gettext_lazy("Merchant ID at the PG")),
    Fact("pg_tid", "pg_tid", gettext_lazy("Transaction number of the PG")),
    Fact("apply_num", "apply_num", gettext_lazy("Approval number")),
    Fact("card_name", "card_name", gettext_lazy("Card")),
    Fact("bank_name", "bank_name", gettext_lazy("Bank")),
    Fact("vbank_name", "vbank_name", gettext_lazy("Bank of the virtual account")),
    Fact("vbank_num", "vbank_num", gettext_lazy("Virtual account")),
    Fact("vbank_holder", "vbank_holder", gettext_lazy("Account holder")),
    Fact("vbank_date", "vbank_date", gettext_lazy("Deposit until"), moment),
    Fact("started_at", "started_at", gettext_lazy("Window opened"), moment),
    Fact("paid_at", "paid_at", gettext_lazy("Paid at"), moment),
    Fact("failed_at", "failed_at", gettext_lazy("Failed at"), moment),
    Fact("cancelled_at", "cancelled_at", gettext_lazy("Cancelled at"), moment),
    Fact("fail_reason", "fail_reason", gettext_lazy("Reason of the failure")),
    Fact("cancel_reason", "cancel_reason", gettext_lazy("Reason of the cancel")),
]
_PERSONAL: dict[str, Callable[[str], str]] = {
    "vbank_num": masking.account,
    "vbank_holder": masking.person_name,
    "fail_reason": masking.free_text,
    "cancel_reason": masking.free_text,
}


def lines(txn: PointTransaction, payment: Payment | None, *, in_full: bool) -> list[DiffLine]:
    """Both sides, money first; what neither side has is left out. in_full: personal data
    unmasked.
    """
    diff_lines = [_fact(txn, payment, fact, in_full) for fact in _FACTS[:3]]
    diff_lines += [_amount(txn, payment), _cancelled(txn, payment)]
    diff_lines += [_fact(txn, payment, fact, in_full) for fact in _FACTS[3:]]
    if txn.test_channel or (payment and payment.test_channel):
        yes_no = {True: _("Yes: no real money"), False: pgettext("answer", "No")}
        at_gateway = yes_no[payment.test_channel] if payment else None
        diff_lines.append(
            DiffLine(
                _("Test channel"),
                yes_no[txn.test_channel],
                at_gateway,
                payment is not None and payment.test_channel != txn.test_channel,
            )
        )
    return [line for line in diff_lines if line is not None]


def _status(one: PointTransaction | Payment) -> Any:
    """As the head of the page says it: a part cancel is no full one."""
    if one.status == Status.CANCELLED and 0 < one.cancel_amount < one.amount:
        return badge(_("Cancelled in part"), "warn", "◐")
    return choice_badge(one.status, _STATUS.get(one.status, one.status))


def _fact(
    txn: PointTransaction, payment: Payment | None, fact: Fact, in_full: bool
) -> DiffLine | None:
    held = getattr(txn, fact.column) or None
    at_gateway = (getattr(payment, fact.payment_field) or None) if payment else None
    if held is None and at_gateway is None:
        return None
    written = fact.written if in_full else _PERSONAL.get(fact.column, fact.written)
    shown = [NOTHING if value is None else written(value) for value in (held, at_gateway)]
    if fact.column == "status":
        shown = [_status(txn), _status(payment) if payment else NOTHING]
    # A row that knows no payment yet holds none of its facts: only what the order itself says can
    # differ.
    is_comparable = txn.imp_uid is not None or fact.column in ("imp_uid", "status")
    return DiffLine(
        fact.label,
        shown[0],
        shown[1] if payment else None,
        payment is not None and is_comparable and held != at_gateway,
    )


def _amount(txn: PointTransaction, payment: Payment | None) -> DiffLine:
    if payment is None:
        return DiffLine(_("Amount"), won(txn.amount))
    differs = payment.amount != txn.amount or payment.currency != "KRW"
    return DiffLine(_("Amount"), won(txn.amount), money(payment.amount, payment.currency), differs)


def _cancelled(txn: PointTransaction, payment: Payment | None) -> DiffLine:
    held = won(txn.cancel_amount) if txn.cancel_amount else NOTHING
    if payment is None:
        return DiffLine(_("Cancelled amount"), held)
    at_gateway = (
        money(payment.cancel_amount, payment.currency) if payment.cancel_amount else NOTHING
    )
    return DiffLine(
        _("Cancelled amount"), held, at_gateway, payment.cancel_amount != txn.cancel_amount
    )
