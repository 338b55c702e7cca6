"""What the exported lists hold. Status, kind and method are told in words; numbers and days stay
what they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth import get_user_model
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.models import PointTransaction
from billing_office import masking
from billing_office.columns import METHODS, done_by
from billing_office.exports.export import Field, Sheet, person
from billing_office.formatting import status_word

LOGIN = f"owner__user__{get_user_model().USERNAME_FIELD}"


def _of(name: str) -> Callable[[Any, bool], Any]:
    """A column as it is."""
    return lambda row, in_full: getattr(row, name)


def _written(name: str) -> Callable[[Any, bool], Any]:
    """A column in which people write."""
    return lambda row, in_full: (
        getattr(row, name) if in_full else masking.free_text(getattr(row, name))
    )


def _method(code: str) -> str:
    return str(METHODS.get(code, code))


def _account(txn: PointTransaction, in_full: bool) -> str:
    return txn.vbank_num if in_full or not txn.vbank_num else masking.account(txn.vbank_num)


TRANSACTIONS = Sheet(
    "transactions",
    [
        Field(_("Began"), _of("created_at")),
        Field(_("Order number (merchant_uid)"), _of("merchant_uid")),
        Field(_("Payment number (imp_uid)"), _of("imp_uid")),
        Field(_("Member number"), lambda txn, in_full: txn.owner_id),
        Field(_("Member"), lambda txn, in_full: person(txn.login, in_full)),
        Field(_("Status"), lambda txn, in_full: status_word(txn)),
        Field(
            _("Cancel open (won)"),
            lambda txn, in_full: (
                txn.pending_cancel_total - txn.cancel_amount if txn.pending_cancel_total else 0
            ),
        ),
        Field(_("Amount (won)"), _of("amount")),
        Field(_("Cancelled (won)"), _of("cancel_amount")),
        Field(_("Credited (points)"), _of("credited")),
        Field(pgettext_lazy("payment", "Method"), lambda txn, in_full: _method(txn.pay_method)),
        Field(_("Really used"), lambda txn, in_full: _method(txn.paid_method)),
        Field(_("PG"), _of("pg_provider")),
        Field(_("Transaction number of the PG"), _of("pg_tid")),
        Field(_("Approval number"), _of("apply_num")),
        Field(_("Card"), _of("card_name")),
        Field(
            _("Virtual account"),
            lambda txn, in_full: f"{txn.vbank_name} {_account(txn, in_full)}".strip(),
        ),
        Field(_("Paid at"), _of("paid_at")),
        Field(_("Cancelled at"), _of("cancelled_at")),
        Field(_("Review"), lambda txn, in_full: str(txn.get_review_display())),
        Field(_("Test channel"), lambda txn, in_full: str(_("Yes")) if txn.test_channel else ""),
    ],
    {"login": LOGIN},
)

ENTRIES = Sheet(
    "ledger",
    [
        Field(_("Time"), _of("created_at")),
        Field(_("Entry"), lambda entry, in_full: entry.pk),
        Field(_("Member number"), lambda entry, in_full: entry.owner_id),
        Field(_("Member"), lambda entry, in_full: person(entry.login, in_full)),
        Field(_("Kind"), lambda entry, in_full: str(entry.get_kind_display())),
        Field(_("Points"), _of("delta")),
        Field(_("Order number (merchant_uid)"), _of("order")),
        Field(_("Payment number (imp_uid)"), _of("payment")),
        Field(_("Key"), lambda entry, in_full: entry.idempotency_key or ""),
        Field(_("Memo"), _written("memo")),
        Field(
            _("By"),
            lambda entry, in_full: entry.by_name if in_full else done_by(entry, entry.owner_id),
        ),
    ],
    {"login": LOGIN, "order": "txn__merchant_uid", "payment": "txn__imp_uid"},
)

CANCELLATIONS = Sheet(
    "cancels",
    [
        Field(_("Time"), _of("created_at")),
        Field(_("Number"), lambda row, in_full: row.pk),
        Field(_("Kind"), lambda row, in_full: str(row.get_kind_display())),
        Field(_("Order number (merchant_uid)"), _of("order")),
        Field(_("Payment number (imp_uid)"), _of("imp_uid")),
        Field(_("Amount"), _of("amount")),
        Field(_("Currency"), _of("currency")),
        Field(_("State"), lambda row, in_full: str(row.get_state_display())),
        Field(_("Reason"), _written("reason")),
        Field(_("Remark"), _written("error")),
        Field(_("By"), lambda row, in_full: row.by_name if in_full else done_by(row, row.member)),
        Field(_("Closed at"), _of("closed_at")),
    ],
    {"order": "txn__merchant_uid", "member": "txn__owner_id"},
)
