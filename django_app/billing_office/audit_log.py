"""What staff did is written down: in Django's admin log, which `pages/staff_history.py` reads back,
and to the log `billing.staff`. Who, what, and on which row.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import HttpRequest

from billing.errors import (
    BillingError,
    GatewayError,
    GatewayUnreachable,
    InvalidGatewayResponse,
)
from billing.models import PointCancellation
from billing.support.people import login_name

logger = logging.getLogger("billing.staff")


def record(request: HttpRequest, row: Model, what: str, **facts: Any) -> None:
    """Write down what this user just did to `row`. facts: JSON values, no personal data. Twice: two
    lines.
    """
    user: Any = request.user
    LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(type(row)),
        object_id=str(row.pk),
        object_repr=str(row)[:200],
        action_flag=CHANGE,
        change_message=json.dumps({"what": what, **facts}, ensure_ascii=False),
    )
    logger.info(
        "%s: %s %s %s",
        login_name(user),
        what,
        row._meta.label,
        json.dumps({"pk": str(row.pk), **facts}),
    )


@contextmanager
def logged_action(
    request: HttpRequest, row: Model, what: str, **facts: Any
) -> Iterator[dict[str, Any]]:
    """Write down this action of staff once it has ended, whichever way: `result` and more are added
    to the facts that this yields.

    A BillingError is written down as refused, or as failed where the gateway gave no usable answer,
    and raised again.
    """
    try:
        yield facts
    except BillingError as error:
        no_answer = isinstance(error, GatewayUnreachable | InvalidGatewayResponse)
        record(
            request,
            row,
            what,
            **{**facts, "result": "failed" if no_answer else "refused", **_error_facts(error)},
        )
        raise
    record(request, row, what, **facts)


def _error_facts(error: BillingError) -> dict[str, str]:
    """What a refusal leaves in the log."""
    if isinstance(error, GatewayError):
        return error.trouble.columns()
    return {"error_code": getattr(error, "code", ""), "error": str(error)}


def money_facts(cancellation: PointCancellation) -> dict[str, str]:
    """The facts that tell a cancel or return in a line."""
    return {
        "amount": f"{cancellation.amount.normalize():f}",
        "currency": cancellation.currency,
        "kind": cancellation.kind,
    }


def record_export(request: HttpRequest, model: type[Model], **facts: Any) -> None:
    """Write down that this user took a list, or figures, with them. facts: JSON values, no personal
    data.
    """
    user: Any = request.user
    LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(model),
        object_repr=str(model._meta.verbose_name_plural)[:200],
        action_flag=CHANGE,
        change_message=json.dumps({"what": "export", **facts}, ensure_ascii=False),
    )
    logger.info(
        "%s: export %s %s",
        login_name(user),
        model._meta.label,
        json.dumps(facts, ensure_ascii=False),
    )
