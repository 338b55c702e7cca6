"""Several payments of one answer, and what is known of those that cannot be read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from billing.errors import BillingError
from billing.gateway.payment import Payment, clean_text, is_imp_uid

# Of a merchant_uid that was damaged: may it have been one of ours?
_LIKE_OURS = re.compile(r"[0-9a-z?-]{30,40}")


class UnreadablePayment(NamedTuple):
    """What of an answer is no payment. imp_uid, merchant_uid: "" where they cannot be told. words:
    what is wrong with it, for people.
    """

    imp_uid: str
    merchant_uid: str
    words: str


@dataclass(frozen=True)
class PaymentList:
    """Several payments of one answer. total: how many the whole question has. unreadable: what of
    the answer is no payment.
    """

    payments: list[Payment]
    total: int
    unreadable: list[UnreadablePayment]


def read_payments(items: list[Any], total: int) -> PaymentList:
    """The payments in these JSON objects: one that cannot be read must not hide the others."""
    payments, unreadable = [], []
    for item in items:
        try:
            payments.append(Payment.from_json(item))
        except BillingError as error:
            known = item if isinstance(item, dict) else {}
            unreadable.append(
                describe_unreadable(known.get("imp_uid"), known.get("merchant_uid"), str(error))
            )
    return PaymentList(payments, total, unreadable)


def describe_unreadable(imp_uid: object, merchant_uid: object, words: str) -> UnreadablePayment:
    """What can be said of a payment that cannot be read. A damaged merchant_uid that may have been
    one of ours is none at all.
    """
    order = clean_text(merchant_uid, 200) if isinstance(merchant_uid, str) else ""
    if order != merchant_uid and _LIKE_OURS.fullmatch(order):
        order = ""
    shown = clean_text(imp_uid, 32) or clean_text(merchant_uid, 40)
    return UnreadablePayment(
        str(imp_uid) if is_imp_uid(imp_uid) else "", order, f"{shown}: {words}" if shown else words
    )
