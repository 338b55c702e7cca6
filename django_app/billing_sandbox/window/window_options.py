"""What the payer, and the developer behind them, may choose in the payment window."""

from __future__ import annotations

from collections.abc import Callable

from billing_sandbox import parsing
from billing_sandbox.database import exclusive
from billing_sandbox.engine import payments, processor, request_pay
from billing_sandbox.models import Payment
from billing_sandbox.parsing import Fields

# Refusals as processors word them. The vendor publishes no codes, so these are ours; callers must
# not rely on them.
_DECLINE_REASONS = {
    "F1005": "[잔액부족] 계좌의 잔액이 부족합니다",
    "F1006": "[비밀번호오류] 비밀번호 오류 횟수를 초과하였습니다",
    "F1007": "[거래정지] 분실 또는 도난 신고된 카드입니다",
    "F1008": "[유효기간] 카드 유효기간이 지났습니다",
    "F1009": "[응답지연] 카드사 응답이 지연되고 있습니다. 잠시 후 다시 시도해 주십시오",
    "F1010": "[점검중] 은행 점검 시간입니다 (23:30~00:30)",
}
_USUAL_CODE = "F1003"
_NOT_BY_CARD = ("F1007", "F1008", "F1009")


def decline_choices(payment: Payment) -> list[tuple[str, str]]:
    """Codes and texts that this payment may be declined with; the first is the usual one."""
    by_card = payment.pay_method not in ("trans", "vbank", "phone")
    fitting = {
        code: text
        for code, text in _DECLINE_REASONS.items()
        if (code != "F1010" if by_card else code not in _NOT_BY_CARD)
    }
    return [(_USUAL_CODE, processor.decline_reason(payment)), *fitting.items()]


def apply_choice(payment: Payment, choice: str | None, fields: Fields) -> Payment:
    """Carry the choice out. Returns the payment whose window is shown next, which `again` alone
    changes.

    Raises payments.WrongState where the choice came too late, ValueError where its fields cannot be
    used, RequestPayRefused for `again` where the order is paid. An unknown choice does nothing.
    """
    carry_out = _CHOICES.get(choice or "")
    return (carry_out(payment, fields) if carry_out else None) or payment


def _approve(payment: Payment, fields: Fields) -> None:
    payments.approve(payment.imp_uid, late=False)


def _account(payment: Payment, fields: Fields) -> None:
    payments.issue_account(payment.imp_uid)


def _vanish(payment: Payment, fields: Fields) -> None:
    """The effect happens and its webhook goes out, but the tab is closed: the page never hears of
    it.
    """
    (_account if payment.pay_method == "vbank" else _approve)(payment, fields)


def _tamper(payment: Payment, fields: Fields) -> None:
    """Approved with another amount than was asked, as when somebody changed it in the browser."""
    amount = parsing.amount(fields.get("amount"), payment.currency, digits_allowed=True)
    payments.approve(payment.imp_uid, late=False, amount=amount)


def _twice(payment: Payment, fields: Fields) -> None:
    """The same order is open in two tabs, and both are approved. This window tells of its own."""
    with exclusive():
        other = request_pay.open_second_window(payment)
        payments.approve(payment.imp_uid, late=False)
        payments.approve(other.imp_uid, late=False)


def _again(payment: Payment, fields: Fields) -> Payment:
    """A second window for the same order."""
    return request_pay.open_second_window(payment)


def _decline(payment: Payment, fields: Fields) -> None:
    code = fields.get("refusal") or _USUAL_CODE
    payments.decline(
        payment.imp_uid,
        reason=_DECLINE_REASONS.get(code),
        error_code=code if code in _DECLINE_REASONS else _USUAL_CODE,
    )


def _close(payment: Payment, fields: Fields) -> None:
    payments.abandon(payment.imp_uid)


_CHOICES: dict[str, Callable[[Payment, Fields], Payment | None]] = {
    "approve": _approve,
    "approve_now": _approve,
    "account": _account,
    "account_now": _account,
    "vanish": _vanish,
    "tamper": _tamper,
    "twice": _twice,
    "again": _again,
    "decline": _decline,
    "close": _close,
}
