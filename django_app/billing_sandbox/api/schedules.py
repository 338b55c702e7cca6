"""Payments that are to be made later with a billing key: scheduled, revoked, looked up.
engine/charges.py makes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from billing_sandbox import parsing, serializer
from billing_sandbox.api import customers
from billing_sandbox.api.customers import INVALID_FIELD, CardInput
from billing_sandbox.api.entry_point import api_view
from billing_sandbox.api.subscriptions import NO_CUSTOMER, payment_columns
from billing_sandbox.database import exclusive
from billing_sandbox.engine import clock, request_pay
from billing_sandbox.engine.charges import run_due_schedules
from billing_sandbox.envelope import Refusal
from billing_sandbox.models import Payment, Schedule
from billing_sandbox.parsing import Fields

NOTHING_TO_REVOKE = (
    "취소할 예약결제 기록이 존재하지 않습니다."  # seen in the official client's tests
)
# Ours:
NOT_FOUND = "예약결제 기록이 존재하지 않습니다."
MERCHANT_UID_USED = "이미 사용된 merchant_uid입니다."
IN_THE_PAST = "schedule_at은 현재 시각 이후여야 합니다."
BAD_SEARCH = "검색 파라메터가 올바르지 않습니다."
NO_UID = "customer_uid 또는 merchant_uid를 지정해주셔야합니다."
MAX_SPAN = 90 * 86400  # seconds; the vendor says three months
MAX_AT_ONCE = 100
PAGE = 20


def _schedule(request: HttpRequest, fields: Fields) -> list[dict[str, Any]]:
    """All of them or none. A customer_uid that is not known yet needs a card."""
    uid = customers.optional_text(fields, "customer_uid", 80)
    wanted = fields.get("schedules")
    if not uid:
        raise Refusal(400, -1, INVALID_FIELD.format("customer_uid"))
    if (
        not isinstance(wanted, list)
        or not 0 < len(wanted) <= MAX_AT_ONCE
        or not all(isinstance(item, Mapping) for item in wanted)
    ):
        raise Refusal(400, -1, INVALID_FIELD.format("schedules"))
    read = [
        (payment_columns(item, form=fields.form), _moment(item, "schedule_at", fields.form))
        for item in wanted
    ]
    with exclusive():
        if customers.find_customer(uid) is None:
            if not fields.get("card_number"):
                raise Refusal(200, 1, NO_CUSTOMER)
            customers.save_billing_key(uid, CardInput(fields), fields)
        return [
            _schedule_json(_create_schedule(uid, facts, at, request_pay.base_url(request)), None)
            for facts, at in read
        ]


def _create_schedule(customer_uid: str, facts: dict[str, Any], at: int, site: str) -> Schedule:
    if at <= clock.now():
        raise Refusal(200, 1, IN_THE_PAST)
    merchant_uid, amount, currency = (
        facts.pop("merchant_uid"),
        facts.pop("amount"),
        facts.pop("currency"),
    )
    if (
        Schedule.objects.filter(merchant_uid=merchant_uid).exists()
        or Payment.objects.filter(merchant_uid=merchant_uid, paid_at__gt=0).exists()
    ):
        raise Refusal(200, 1, MERCHANT_UID_USED)
    return Schedule.objects.create(
        customer_uid=customer_uid,
        merchant_uid=merchant_uid,
        schedule_at=at,
        amount=amount,
        currency=currency,
        facts=facts,
        site=site,
    )


def _unschedule(request: HttpRequest, fields: Fields) -> list[dict[str, Any]]:
    """Those of the merchant_uid (one or several), or all that wait for the customer_uid."""
    uid, wanted = fields.get("customer_uid"), fields.get("merchant_uid")
    wanted = fields.get("merchant_uid[]") if wanted is None else wanted
    if not uid and not wanted:
        raise Refusal(400, -1, NO_UID)
    run_due_schedules()
    with exclusive():
        rows = Schedule.objects.filter(state=Schedule.State.SCHEDULED).order_by("pk")
        if uid:
            rows = rows.filter(customer_uid=uid) if _is_storable(uid) else rows.none()
        if wanted:
            names = wanted if isinstance(wanted, list) else [wanted]
            rows = rows.filter(
                merchant_uid__in=[name for name in names[:1000] if _is_storable(name)]
            )
        found = list(rows)
        if not found:
            raise Refusal(200, 1, NOTHING_TO_REVOKE)
        for row in found:
            row.state, row.revoked_at = Schedule.State.REVOKED, clock.now()
            row.save(update_fields=["state", "revoked_at"])
        return [_schedule_json(row, None) for row in found]


def _find(request: HttpRequest, fields: Fields, merchant_uid: str) -> dict[str, Any]:
    run_due_schedules()
    row = (
        Schedule.objects.filter(merchant_uid=merchant_uid).first()
        if _is_storable(merchant_uid)
        else None
    )
    if row is None:
        raise Refusal(404, -1, NOT_FOUND)
    return _with_payments([row])[0]


def _between(request: HttpRequest, fields: Fields) -> list[dict[str, Any]]:
    """`from ≤ schedule_at < to`, newest time first, or oldest with sorting=scheduled."""
    asked = request.GET
    rows = _in_range(
        asked.get("schedule_from"), asked.get("schedule_to"), asked.get("schedule_status")
    )
    limit = _count(asked.get("limit"), PAGE, 1000)
    sorting = asked.get("sorting", "")
    if sorting not in ("", "scheduled", "-scheduled"):
        raise Refusal(400, -1, BAD_SEARCH)
    order = ("schedule_at", "pk") if sorting == "scheduled" else ("-schedule_at", "-pk")
    return _page(rows.order_by(*order), asked.get("page"), limit)


def _of_customer(request: HttpRequest, fields: Fields, customer_uid: str) -> list[dict[str, Any]]:
    asked = request.GET
    status = asked.get("schedule-status", asked.get("schedule_status"))
    rows = _in_range(asked.get("from"), asked.get("to"), status)
    rows = rows.filter(customer_uid=customer_uid) if _is_storable(customer_uid) else rows.none()
    return _page(rows.order_by("-schedule_at", "-pk"), asked.get("page"), PAGE)


def _in_range(start: str | None, end: str | None, status: str | None) -> QuerySet[Schedule]:
    run_due_schedules()
    begin, stop = _digits(start), _digits(end)
    if (
        begin is None
        or stop is None
        or begin > stop
        or stop - begin > MAX_SPAN
        or (status and status not in Schedule.State)
    ):
        raise Refusal(400, -1, BAD_SEARCH)
    rows = Schedule.objects.filter(schedule_at__gte=begin, schedule_at__lt=stop)
    return rows.filter(state=status) if status else rows


def _page(rows: QuerySet[Schedule], page: str | None, limit: int) -> list[dict[str, Any]]:
    first = (_count(page, 1, 10**6) - 1) * limit
    return _with_payments(list(rows[first : first + limit]))


def _count(value: str | None, default: int, limit: int) -> int:
    number = default if value in (None, "") else _digits(value)
    if number is None or not 0 < number <= limit:
        raise Refusal(400, -1, BAD_SEARCH)
    return number


def _digits(value: str | None) -> int | None:
    return (
        int(value) if value and value.isascii() and value.isdigit() and len(value) <= 12 else None
    )


def _is_storable(value: Any) -> bool:
    try:
        return bool(parsing.text(value, 80))
    except ValueError:
        return False


def _moment(item: Mapping[str, Any], name: str, form: bool) -> int:
    value = item.get(name)
    value = _digits(value) if form and isinstance(value, str) else value
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 10**11:
        raise Refusal(400, -1, INVALID_FIELD.format(name))
    return value


def _with_payments(rows: list[Schedule]) -> list[dict[str, Any]]:
    payments_by_uid = {
        payment.imp_uid: payment
        for payment in Payment.objects.filter(
            imp_uid__in=[row.imp_uid for row in rows if row.imp_uid]
        )
    }
    return [_schedule_json(row, payments_by_uid.get(row.imp_uid)) for row in rows]


def _schedule_json(row: Schedule, payment: Payment | None) -> dict[str, Any]:
    texts = (
        "name",
        "buyer_name",
        "buyer_email",
        "buyer_tel",
        "buyer_addr",
        "buyer_postcode",
        "custom_data",
    )
    facts: dict[str, Any] = {name: row.facts.get(name) or None for name in texts}
    facts |= {
        "amount": serializer.json_number(row.amount),
        "currency": row.currency,
        "customer_id": None,
        "customer_uid": row.customer_uid,
        "executed_at": row.executed_at,
        "fail_reason": (payment and payment.fail_reason) or None,
        "imp_uid": row.imp_uid or None,
        "merchant_uid": row.merchant_uid,
        "payment_status": payment.status if payment else None,
        "pg_id": (payment and payment.pg_id) or None,
        "pg_provider": (payment and payment.pg_provider) or None,
        "promotion_id": None,
        "revoked_at": row.revoked_at,
        "schedule_at": row.schedule_at,
        "schedule_status": row.state,
    }
    return dict(sorted(facts.items()))


schedule = api_view(GET=_between, POST=_schedule)
unschedule = api_view(POST=_unschedule)
schedule_by_merchant_uid = api_view(GET=_find)
customer_schedules = api_view(GET=_of_customer)
