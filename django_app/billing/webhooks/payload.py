"""What the body of a webhook says: a hint where to look, never a fact. V1 signs nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, QueryDict

from billing.errors import BillingError, InvalidId
from billing.gateway.payment import check_imp_uid, clean_text

MAX_BODY = 16 * 1024  # bytes we read; one of V1 has about 120
KEPT_BODY = 2_000  # characters we store


class InvalidPayload(BillingError):
    """Not the body of a V1 webhook: the sender gets 400."""


@dataclass(frozen=True)
class WebhookPayload:
    """The parsed body of a webhook: `imp_uid`, `merchant_uid`, `status` and, for cancels,
    `cancellation_id` (vendor's webhook guide).

    body: its raw text, cut.
    """

    imp_uid: str
    merchant_uid: str
    status: str = ""
    cancellation_id: str = ""
    body: str = ""


def parse_payload(request: HttpRequest) -> WebhookPayload:
    """The payload of this request; JSON or form, as the vendor's console lets one choose, whatever
    the content type claims.

    At most MAX_BODY + 1 bytes are read, whatever length was announced. Raises InvalidPayload.
    """
    try:
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY:
            raise InvalidPayload("too long")
        raw = _start_of(request)
        if len(raw) > MAX_BODY:
            raise InvalidPayload("too long")
        body = raw.decode("utf-8-sig")
        if body.lstrip().startswith("{"):
            data = json.loads(body)
        else:
            data = QueryDict(body).dict()
        return WebhookPayload(
            check_imp_uid(data.get("imp_uid")),
            _merchant_uid(data.get("merchant_uid")),
            clean_text(data.get("status"), 20),
            clean_text(data.get("cancellation_id"), 40),
            clean_text(body, KEPT_BODY),
        )
    except (
        ValueError,
        RecursionError,
        OSError,
        SuspiciousOperation,
    ):  # no id, bad JSON, not UTF-8, too many fields, a sender gone
        raise InvalidPayload("not a notice") from None


def _start_of(request: HttpRequest) -> bytes:
    """The body, as far as it is read. Django takes a body without a length (sent in chunks) for
    empty; gunicorn marks one that ends.
    """
    if not request.META.get("CONTENT_LENGTH") and request.META.get("wsgi.input_terminated"):
        start: bytes = request.META["wsgi.input"].read(MAX_BODY + 1)
        return start
    return request.read(MAX_BODY + 1)


def _merchant_uid(value: object) -> str:
    """Any text of V1's length: a merchant account may be shared with a shop whose order numbers
    look different from ours.
    """
    if isinstance(value, str) and value and value == clean_text(value, 40):
        return value
    raise InvalidId("not a merchant_uid")
