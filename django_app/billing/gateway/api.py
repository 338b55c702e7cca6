"""What iamport is asked (REST API V1): the only file that knows its addresses; `transport.py` knows
token and limits, `envelope.py` what an answer means, `payment.py` the JSON.

`gateway()` gives the client for the current settings; its methods answer frozen `Payment`s or raise
one of `errors.py`. V1's GET by imp_uid, and that call alone, leaves test-channel payments out
unless include_sandbox=true (since 2026-01-26); empty values come as 0, "" or null; keys may be
added at any time (sources: the vendor's API specification and manual).
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.conf import conf
from billing.errors import GatewayPaymentNotFound, InvalidGatewayResponse
from billing.gateway.batches import BATCH
from billing.gateway.deadline import READ_SECONDS, Deadline
from billing.gateway.payment import Payment, check_imp_uid, check_merchant_uid, read_amount
from billing.gateway.payment_list import PaymentList, read_payments
from billing.gateway.transport import Client

__all__ = ["READ_SECONDS", "Deadline", "Gateway", "RefundAccount", "gateway"]

logger = logging.getLogger(__name__)

CURRENCY = "KRW"  # of every order
LARGEST_PAGE = 1_000  # payments on one page of a list (specification)


@dataclass(frozen=True)
class RefundAccount:
    """Where the money of a virtual account goes back to. bank: the *processor's* own code (Shinhan:
    Inicis 88, KCP BK88, others 088).
    """

    bank: str
    account: str = field(repr=False)  # digits
    holder: str = field(repr=False)
    tel: str = field(default="", repr=False)  # smartro alone asks for it


class Gateway(Client):
    """What this project asks."""

    def payment(self, imp_uid: str, *, deadline: Deadline | None = None) -> Payment:
        """The payment as the gateway has it now, test-channel payments included. Changes nothing;
        may be repeated.

        Raises InvalidId before anything is sent, GatewayPaymentNotFound, GatewayUnreachable,
        GatewayRejected, InvalidGatewayResponse.
        """
        payment = Payment.from_json(self.find_by_imp_uid(imp_uid, deadline=deadline))
        if payment.imp_uid != imp_uid:
            raise InvalidGatewayResponse(f"asked for {imp_uid}, got {payment.imp_uid}")
        return payment

    def payments_by_merchant_uid(
        self, merchant_uid: str, *, deadline: Deadline | None = None
    ) -> list[Payment]:
        """Every payment under `merchant_uid`, oldest first (at most 100): a payer with two tabs has
        two, and the paid one may be hidden behind a newer one in `find`. Raises as `payment`;
        GatewayPaymentNotFound where there is none. One that cannot be read hides no other: it is
        logged, and its InvalidGatewayResponse raised where no other can be read either.
        """
        url = f"{self.imp_url}payments/findAll/{check_merchant_uid(merchant_uid)}"
        answer = self._get(url, {"limit": 100, "sorting": "started"}, deadline=deadline)
        listed = answer.get("list") if isinstance(answer, dict) else None
        if not isinstance(listed, list):
            raise InvalidGatewayResponse("the answer holds no list of payments")
        payments: list[Payment] = []
        trouble: InvalidGatewayResponse | None = None
        for item in listed:
            try:
                payments.append(_payment_of_order(item, merchant_uid))
            except InvalidGatewayResponse as error:
                logger.warning("a payment of %s cannot be read: %s", merchant_uid, error)
                trouble = trouble or error
        if trouble and not payments:
            raise trouble
        return payments

    def prepare(self, merchant_uid: str, amount: int, *, deadline: Deadline | None = None) -> None:
        """Register the amount (won), and that it is won, that IMP.request_pay must ask for under
        `merchant_uid`.

        A second time for the same merchant_uid: GatewayRejected, code 1 (seen in live answers).
        InvalidGatewayResponse where the answer names another amount or currency; one that names no
        currency is taken (older answers had none; `apply` compares it in any case). Without
        `currency` the gateway would not check it (specification, since 2025-01).
        """
        body = {
            "merchant_uid": check_merchant_uid(merchant_uid),
            "amount": amount,
            "currency": CURRENCY,
        }
        answer = self._post(f"{self.imp_url}payments/prepare", body, deadline=deadline)
        if (
            not isinstance(answer, dict)
            or answer.get("merchant_uid") != merchant_uid
            or read_amount(answer, "amount") != amount
        ):
            raise InvalidGatewayResponse(
                f"another amount was registered for {merchant_uid} than asked"
            )
        if answer.get("currency") not in (None, "", CURRENCY):
            raise InvalidGatewayResponse(
                f"another currency was registered for {merchant_uid} than asked"
            )

    def payments_by_ids(
        self,
        *,
        imp_uids: Sequence[str] = (),
        merchant_uids: Sequence[str] = (),
        deadline: Deadline | None = None,
    ) -> PaymentList:
        """The payments with these ids, at most BATCH in all, in any order; what the gateway does
        not know is left out (its 207 and 404).

        A merchant_uid may bring several payments, or only the newest: a missing or unpaid answer
        for it proves nothing. Raises InvalidId, ValueError for none or too many ids,
        GatewayUnreachable, GatewayRejected, InvalidGatewayResponse.
        """
        ids = [("imp_uid[]", check_imp_uid(uid)) for uid in imp_uids]
        ids += [("merchant_uid[]", check_merchant_uid(uid)) for uid in merchant_uids]
        if not 0 < len(ids) <= BATCH:
            raise ValueError(f"between 1 and {BATCH} ids may be asked for at once")
        try:
            answer = self._call("GET", f"{self.imp_url}payments", params=ids, deadline=deadline)
        except GatewayPaymentNotFound:
            return PaymentList([], 0, [])
        if not isinstance(answer, list):
            raise InvalidGatewayResponse("the answer holds no list of payments")
        return read_payments(answer, len(answer))

    def payments_by_status(
        self,
        status: str,
        begin: datetime,
        end: datetime,
        *,
        page: int = 1,
        limit: int = LARGEST_PAGE,
        deadline: Deadline | None = None,
    ) -> PaymentList:
        """One page of up to `limit` (LARGEST_PAGE at most) of the payments that are `status` now
        and became so between `begin` and `end`, both included.

        At most 90 days apart (specification). The list does not sort by the time it filters on and
        rows leave it at any moment, so that only a single page is complete. A page beyond the last
        is GatewayRejected. Raises as `payments_by_ids`.
        """
        query = {
            "page": page,
            "limit": limit,
            "sorting": "started",
            "from": int(begin.timestamp()),
            "to": int(end.timestamp()),
        }
        answer = self._get(f"{self.imp_url}payments/status/{status}", query, deadline=deadline)
        listed = answer.get("list") if isinstance(answer, dict) else None
        total = answer.get("total") if isinstance(answer, dict) else None
        if not isinstance(listed, list) or type(total) is not int or total < len(listed):
            raise InvalidGatewayResponse("the answer holds no list of payments")
        return read_payments(listed, total)

    def cancel_payment(
        self,
        imp_uid: str,
        *,
        amount: Decimal | int,
        checksum: Decimal | int,
        reason: str,
        account: RefundAccount | None = None,
        deadline: Deadline | None = None,
    ) -> Payment:
        """Ask the gateway to give `amount` back, and return the payment as it answers it. Never
        safe to repeat without `checksum`.

        amount: major units, more than 0 (0 or none would mean all of it). checksum: what can still
        be cancelled before this call; where it is not so, the gateway refuses and does nothing.
        account: for virtual accounts. By imp_uid alone: a merchant_uid may have two payments. Code
        0 need not mean done: some processors accept now and pay later. Raises as `payment`; only
        GatewayUnreachable.surely_not_sent tells that nothing can have happened.
        """
        if amount <= 0:
            raise ValueError("the amount to cancel must be more than 0")
        body: dict[str, Any] = {
            "imp_uid": check_imp_uid(imp_uid),
            "amount": _plain_number(amount),
            "checksum": _plain_number(checksum),
            "reason": reason,
        }
        if account:
            body.update(
                refund_bank=account.bank,
                refund_account=account.account,
                refund_holder=account.holder,
            )
            if account.tel:
                body["refund_tel"] = account.tel
        payment = Payment.from_json(
            self._post(f"{self.imp_url}payments/cancel", body, deadline=deadline)
        )
        if payment.imp_uid != imp_uid:
            raise InvalidGatewayResponse(f"asked to cancel {imp_uid}, got {payment.imp_uid}")
        return payment

    def close_account(self, imp_uid: str, *, deadline: Deadline | None = None) -> Payment:
        """Close a virtual account that nobody has paid into, and return the payment as the gateway
        answers it (which status: unknown).

        Inicis wants its own API key with it (IAMPORT_PG_API_KEY). GatewayRejected where it is none
        or no longer waits. Raises as `payment`.
        """
        query = {"pg_api_key": conf.IAMPORT_PG_API_KEY} if conf.IAMPORT_PG_API_KEY else None
        payment = Payment.from_json(
            self._call(
                "DELETE",
                f"{self.imp_url}vbanks/{check_imp_uid(imp_uid)}",
                params=query,
                deadline=deadline,
            )
        )
        if payment.imp_uid != imp_uid:
            raise InvalidGatewayResponse(f"asked to close {imp_uid}, got {payment.imp_uid}")
        return payment


def _payment_of_order(item: object, merchant_uid: str) -> Payment:
    payment = Payment.from_json(item)
    if payment.merchant_uid != merchant_uid:
        raise InvalidGatewayResponse(f"asked for {merchant_uid}, got {payment.merchant_uid}")
    return payment


def _plain_number(amount: Decimal | int) -> int | float:
    """JSON's number: an int where it is whole, as won always are."""
    return int(amount) if amount == int(amount) else float(amount)


@functools.lru_cache(maxsize=8)
def _client(imp_key: str, imp_secret: str, imp_url: str) -> Gateway:
    return Gateway(imp_key, imp_secret, imp_url)


def gateway() -> Gateway:
    """The client for the settings as they are now; one per process and set of keys."""
    return _client(conf.IAMPORT_KEY, conf.IAMPORT_SECRET, conf.IAMPORT_API_URL)
