"""What an HTTP answer of V1 means: the `response` inside its envelope `{code, message, response}`,
or one of `errors.py`.

A business "no" to a POST is HTTP 200 with code ≠ 0; a lookup that misses is 404.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.views.decorators.debug import sensitive_variables

from billing.errors import (
    GatewayError,
    GatewayPaymentNotFound,
    GatewayRejected,
    GatewayUnreachable,
    InvalidGatewayResponse,
)
from billing.gateway import wire
from billing.gateway.payment import clean_text


@sensitive_variables()
def unwrap(status: int, body: bytes) -> Any:
    """The envelope's `response`, or the error that status and envelope mean."""
    try:
        return _unwrap(status, body)
    except GatewayError as error:
        error.http = status
        raise


@sensitive_variables()
def _unwrap(status: int, body: bytes) -> Any:
    envelope: Any = None
    with suppress(ValueError):
        envelope = wire.parse(body)
    known = isinstance(envelope, dict) and type(envelope.get("code")) is int
    code = envelope["code"] if known else None
    message = clean_text(envelope.get("message"), 500) if known else ""
    if status >= 500:
        raise GatewayUnreachable(
            f"the gateway answered HTTP {status}", code=code, gateway_message=message
        )
    if status == 401:
        raise GatewayRejected(
            "the gateway did not accept our keys", code=code, gateway_message=message
        )
    if status == 404 and (known or not body.strip()):
        raise GatewayPaymentNotFound(
            "the gateway does not know it", code=code, gateway_message=message
        )
    if not known:
        raise InvalidGatewayResponse(
            f"the gateway answered HTTP {status} without an envelope", ids=wire.find_ids(body)
        )
    answer = envelope.get("response")
    # Several were asked for, and some are unknown; with which code is not documented.
    partly = status == 207 and isinstance(answer, list)
    if status >= 400 or (code and not partly):
        raise GatewayRejected(
            f"the gateway refused (HTTP {status}, code {code})", code=code, gateway_message=message
        )
    if status != 200 and not partly:
        raise InvalidGatewayResponse(
            f"the gateway answered HTTP {status}", code=code, gateway_message=message
        )
    return answer
