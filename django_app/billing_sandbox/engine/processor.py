"""What the processor (PG) and the bank answer: invented, but in the form that Inicis gives it
(captured answers).
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from billing_sandbox.models import Payment

KST = timezone(timedelta(hours=9))  # all processors keep Korean time
DEFAULT_PG = "html5_inicis.INIpayTest"
CHANNEL_PG = "tosspayments.iamporttest_4"  # behind a channelKey stands a newer processor
EASY_PAY = (
    "kakaopay",
    "naverpay",
    "tosspay",
    "payco",
    "samsungpay",
    "applepay",
    "lpay",
    "ssgpay",
    "paypal",
)
GIFT_CARDS = ("cultureland", "smartculture", "booknlife", "culturegift")
PAY_METHODS = ("card", "trans", "vbank", "phone", "point", *EASY_PAY, *GIFT_CARDS)

ABANDONED = "[결제포기] 사용자가 결제를 취소하셨습니다"  # captured; its code is not known
_DECLINED = {
    "trans": "[잔액부족] 은행에서 출금을 거절하였습니다",
    "vbank": "[채번실패] 은행에서 가상계좌를 발급하지 못했습니다",
    "phone": "[한도초과] 통신사에서 결제를 거절하였습니다",
}
_DECLINED_BY_CARD = "[한도초과] 카드사에서 승인을 거절하였습니다"
_TID_KINDS = {"trans": "DBNK", "vbank": "VBNK", "phone": "HPP_"}
_DEFAULT_DAYS = 30  # a virtual account at Inicis without vbank_due


def decline_reason(payment: Payment) -> str:
    """The text of a refusal by the card company or bank."""
    return _DECLINED.get(payment.pay_method, _DECLINED_BY_CARD)


def set_provider(payment: Payment) -> None:
    """The processor has answered: from now on the payment names it."""
    payment.pg_provider, _, payment.pg_id = payment.asked_pg.partition(".")


def set_approval(payment: Payment, now: int) -> None:
    """Facts of an approval. A late one, and a deposit, keep the transaction id that exists."""
    set_provider(payment)
    set_transaction(payment, now)
    if payment.pay_method == "kakaopay":  # ends as what was really used, whatever was asked
        payment.emb_pg_provider, payment.pay_method = "kakaopay", "card"
    elif payment.pay_method in EASY_PAY:
        payment.emb_pg_provider = payment.pay_method
    if payment.pay_method == "card":
        payment.apply_num = random_digits(8)
        payment.card_code, payment.card_name, payment.card_number = (
            "366",
            "신한카드",
            f"559410*********{random_digits(1)}",
        )
        payment.card_type = 0
    elif payment.pay_method == "trans":
        payment.bank_code, payment.bank_name = "004", "KB국민은행"


def set_virtual_account(payment: Payment, now: int) -> None:
    """A virtual account to pay into, open until the asked or the usual deadline."""
    set_provider(payment)
    set_transaction(payment, now)
    payment.vbank_code, payment.vbank_name, payment.vbank_holder = (
        "088",
        "신한은행",
        "（주）케이지이니시",
    )
    payment.vbank_num = f"562{random_digits(11)}"
    payment.vbank_issued_at = now
    payment.vbank_date = payment.vbank_due or end_of_day(now + _DEFAULT_DAYS * 86400)


def cancel_refusal(payment: Payment, part: Decimal, now: int, *, refund_account: bool) -> str:
    """Why the processor would not give `part` back, or "" where it would. The rules are documented,
    the texts are ours.

    refund_account: an account for the money was named, with which KCP refunds phone payments of an
    earlier month.
    """
    provider, partial = payment.pg_provider, part < payment.amount
    if payment.pay_method == "phone":
        months = {
            datetime.fromtimestamp(moment, KST).strftime("%Y%m")
            for moment in (payment.paid_at, now)
        }
        if len(months) > 1 and not (provider == "kcp" and refund_account):
            return "휴대폰 결제는 결제한 당월에만 취소할 수 있습니다."
        if partial and provider not in ("html5_inicis", "kcp"):
            return "휴대폰 결제는 부분취소할 수 없습니다."
    if payment.pay_method in GIFT_CARDS and partial:
        return "상품권 결제는 부분취소할 수 없습니다."
    if provider == "ksnet" and partial and payment.cancellations.count() >= 9:
        return "부분취소 가능 횟수를 초과하였습니다."
    return ""


def set_transaction(payment: Payment, now: int) -> None:
    """Give the payment the processor's transaction id and a receipt, unless it has them."""
    if not payment.pg_tid:
        stamp = datetime.fromtimestamp(now, KST).strftime("%Y%m%d%H%M%S")
        kind = _TID_KINDS.get(payment.pay_method, "CARD")
        payment.pg_tid = f"Stdpay{kind}{payment.pg_id}{stamp}{random_digits(6)}"[:64]
    payment.receipt_url = f"{payment.site}/sandbox/receipt/{payment.imp_uid}/"


def end_of_day(moment: int) -> int:
    """The last second of that day in Korea."""
    day = datetime.fromtimestamp(moment, KST).replace(hour=23, minute=59, second=59)
    return int(day.astimezone(UTC).timestamp())


def random_digits(count: int) -> str:
    """That many random digits."""
    return f"{secrets.randbelow(10**count):0{count}}"


def new_cancellation_id() -> str:
    """20 characters like those of captured answers (Crockford's base32)."""
    return "".join(secrets.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(20))
