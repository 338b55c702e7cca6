"""GET payments/…: one, several, by merchant_uid, by status with paging."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from billing_sandbox import parsing, serializer
from billing_sandbox.api.entry_point import api_view
from billing_sandbox.engine import clock
from billing_sandbox.envelope import AnswerWithStatus, Refusal
from billing_sandbox.models import Payment, Status
from billing_sandbox.parsing import Fields

NO_PAYMENT = "존재하지 않는 결제정보입니다."
BAD_STATUS = "지원되지 않는 상태값입니다."
PAGE_OUT_OF_RANGE = "조회 가능한 페이지 범위를 벗어났습니다."  # ours
MAX_IDS = 100  # uids in one call (documented)
MAX_PERIOD = 90 * 86400  # seconds (documented)
# Rows begun in the same second are told apart by their number.
SORTINGS = {
    "-started": ("-started_at", "-pk"),
    "started": ("started_at", "pk"),
    "-paid": ("-paid_at", "-pk"),
    "paid": ("paid_at", "pk"),
    "-updated": ("-updated_at", "-pk"),
    "updated": ("updated_at", "pk"),
}
# The time that from and to mean depends on the status that the payment has now (documented).
TIMES = {
    Status.READY: "started_at",
    Status.PAID: "paid_at",
    Status.CANCELLED: "cancelled_at",
    Status.FAILED: "failed_at",
}
_LATEST = 253_402_300_799  # the last second of the year 9999
_ARRAY = re.compile(r"(imp_uid|merchant_uid)\[\d{0,3}\]")


def _payment_by_imp_uid(request: HttpRequest, fields: Fields, imp_uid: str) -> dict[str, Any]:
    """Test-channel payments only for those who ask for them (since 2026-01-26)."""
    row = Payment.objects.filter(imp_uid=imp_uid).first() if parsing.is_imp_uid(imp_uid) else None
    if row is None or (row.sandbox and request.GET.get("include_sandbox") != "true"):
        raise Refusal(404, -1, NO_PAYMENT)
    return serializer.payment_json(row)


def _payments_by_ids(request: HttpRequest, fields: Fields) -> Any:
    """imp_uid[] and merchant_uid[]; of a merchant_uid all its payments. Newest first, not in the
    order asked for (documented: any).
    """
    asked: dict[str, set[str]] = {"imp_uid": set(), "merchant_uid": set()}
    count = 0
    for name, values in request.GET.lists():
        found = _ARRAY.fullmatch(name)
        if found:
            asked[found[1]].update(values)
            count += len(values)
    if not 0 < count <= MAX_IDS:
        raise Refusal(
            400,
            -1,
            f"imp_uid[], merchant_uid[] 파라메터는 1개 이상 {MAX_IDS}개 이하로 지정해주셔야합니다.",
        )
    uids = {value for value in asked["imp_uid"] if parsing.is_imp_uid(value)}
    orders = {value for value in asked["merchant_uid"] if _is_merchant_uid(value)}
    rows = list(_all().filter(Q(imp_uid__in=uids) | Q(merchant_uid__in=orders)).order_by("-pk"))
    if not rows:
        raise Refusal(404, -1, NO_PAYMENT)
    missing = asked["imp_uid"] - {row.imp_uid for row in rows} or asked["merchant_uid"] - {
        row.merchant_uid for row in rows
    }
    return AnswerWithStatus([serializer.payment_json(row) for row in rows], 207 if missing else 200)


def _find_by_merchant_uid(
    request: HttpRequest, fields: Fields, merchant_uid: str, status: str | None = None
) -> dict[str, Any]:
    """The first by `sorting`: by default the one *started* last, which need not be the paid one."""
    row = _payments_of(request, merchant_uid, status).prefetch_related(None).first()
    if row is None:
        raise Refusal(404, -1, NO_PAYMENT)
    return serializer.payment_json(row)


def _find_all_by_merchant_uid(
    request: HttpRequest, fields: Fields, merchant_uid: str, status: str | None = None
) -> dict[str, Any]:
    """All of one merchant_uid, page by page. None of that status: 404 as for find (unknown:
    stricter reading).
    """
    rows = _payments_of(request, merchant_uid, status)
    if not rows.exists():
        raise Refusal(404, -1, NO_PAYMENT)
    return _page(request, rows)


def _by_status(request: HttpRequest, fields: Fields, status: str) -> dict[str, Any]:
    """All of one status in a window of time of at most 90 days; the last 90 where none is given."""
    if status != "all" and status not in Status:
        raise Refusal(400, -1, BAD_STATUS)
    end = _number(request, "to", clock.now(), 0, _LATEST)
    start = _number(request, "from", max(0, end - MAX_PERIOD), 0, _LATEST)
    if not 0 <= end - start <= MAX_PERIOD:  # unknown: stricter reading
        raise Refusal(400, -1, "조회기간(from, to)은 최대 90일까지 지정할 수 있습니다.")
    wanted = Q()
    for name, time in TIMES.items():
        if status in ("all", name):
            wanted |= Q(status=name, **{f"{time}__gte": start, f"{time}__lte": end})
    return _page(request, _all().filter(wanted).order_by(*_sorting(request)))


def _all() -> QuerySet[Payment]:
    return Payment.objects.prefetch_related("cancellations")


def _payments_of(request: HttpRequest, merchant_uid: str, status: str | None) -> QuerySet[Payment]:
    order = _sorting(request)
    if status is not None and status not in Status:
        raise Refusal(400, -1, BAD_STATUS)
    if not _is_merchant_uid(merchant_uid):
        raise Refusal(404, -1, NO_PAYMENT)
    rows = _all().filter(merchant_uid=merchant_uid).order_by(*order)
    return rows if status is None else rows.filter(status=status)


def _sorting(request: HttpRequest) -> tuple[str, ...]:
    given = request.GET.getlist("sorting") or ["-started"]
    if len(given) != 1 or given[0] not in SORTINGS:
        raise Refusal(400, -1, BAD_STATUS)
    return SORTINGS[given[0]]


def _page(request: HttpRequest, rows: QuerySet[Payment]) -> dict[str, Any]:
    """V1's page. Beyond the data: 400 (documented); the first page is never beyond it."""
    page = _number(request, "page", 1, 1, 10**9)
    limit = _number(request, "limit", 20, 1, 1000)
    total = rows.count()
    begin = (page - 1) * limit
    if page > 1 and begin >= total:
        raise Refusal(400, -1, PAGE_OUT_OF_RANGE)
    return {
        "total": total,
        "previous": page - 1,
        "next": page + 1 if begin + limit < total else 0,
        "list": [serializer.payment_json(row) for row in rows[begin : begin + limit]],
    }


def _number(request: HttpRequest, name: str, default: int, low: int, high: int) -> int:
    """A whole number of the query. Anything else, given twice or out of range: 400 (unknown:
    stricter reading).
    """
    given = request.GET.getlist(name)
    if not given:
        return default
    try:
        if len(given) > 1:
            raise ValueError("given twice")
        return parsing.integer(given[0], low, high, digits_allowed=True)
    except ValueError:
        raise Refusal(400, -1, f"{name} 파라메터가 올바르지 않습니다.") from None


def _is_merchant_uid(merchant_uid: str) -> bool:
    try:
        return bool(parsing.merchant_uid(merchant_uid))
    except ValueError:
        return False


payment_by_imp_uid = api_view(GET=_payment_by_imp_uid)
payments_by_ids = api_view(GET=_payments_by_ids)
find_by_merchant_uid = api_view(GET=_find_by_merchant_uid)
find_all_by_merchant_uid = api_view(GET=_find_all_by_merchant_uid)
by_status = api_view(GET=_by_status)
