"""The control API's deliver and log: webhooks sent in this call, and what has happened so far."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.forms.models import model_to_dict
from django.http import HttpRequest

from billing_sandbox.control.endpoint import ControlError, control_view
from billing_sandbox.engine import due_jobs, webhook_delivery
from billing_sandbox.models import ApiCall, Delivery


@control_view("POST", "format")
def deliver(request: HttpRequest, values: Mapping[str, Any]) -> dict[str, Any]:
    """Hand out all that is queued, in this call."""
    if "format" in values and values["format"] not in Delivery.Format:
        raise ControlError("format", "format is json or form.")
    due_jobs.run_due_jobs()
    return {
        "deliveries": [
            model_to_dict(row) for row in webhook_delivery.deliver_now(values.get("format"))
        ]
    }


@control_view("GET")
def call_log(request: HttpRequest, values: Mapping[str, Any]) -> dict[str, Any]:
    """Every call and every delivery, oldest first."""
    calls = ApiCall.objects.order_by("pk").values(
        "method", "path", "query", "body", "http_status", "code", "imp_uid", "fault", "created_at"
    )
    return {
        "calls": list(calls),
        "deliveries": [model_to_dict(row) for row in Delivery.objects.order_by("pk")],
    }
