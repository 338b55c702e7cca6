"""The control API's part for the gateway as a whole: reset, clock, faults, the
console's choices.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.http import HttpRequest

from billing_sandbox import parsing
from billing_sandbox.control import fault_request
from billing_sandbox.control.endpoint import ControlError, control_view
from billing_sandbox.engine import clock, due_jobs, webhook_queue, worker
from billing_sandbox.faults import active_faults
from billing_sandbox.models import Gateway


@control_view("POST")
def reset(request: HttpRequest, values: Mapping[str, Any]) -> dict[str, Any]:
    """Empty every table of the sandbox: no payment, no fault, no seed, and the clock shows this
    machine's time again.
    """
    for model in apps.get_app_config("sandbox").get_models():
        model._default_manager.all().delete()
    return {}


@control_view("GET POST", "advance_s")
def gateway_clock(request: HttpRequest, values: Mapping[str, Any]) -> dict[str, Any]:
    """The gateway's clock; a POST moves it on and does at once what falls due (webhooks excepted:
    those are handed out as ever).
    """
    if request.method == "POST":
        seconds = values.get("advance_s")
        try:
            clock.advance(parsing.integer(seconds, 0, clock.FURTHEST))
        except ValueError:
            raise ControlError(
                "advance_s",
                "advance_s is a whole number of seconds, 0 or more; the clock may be 20 years "
                "ahead in all.",
            ) from None
        due_jobs.run_due_jobs()
        worker.wake()
    return {"now": clock.now(), "advanced_s": clock.offset()}


@control_view("GET POST DELETE", *fault_request.FIELDS)
def faults(
    request: HttpRequest, values: Mapping[str, Any], pk: int | None = None
) -> dict[str, Any]:
    """What shall go wrong: GET shows the rules in force, POST adds one, DELETE removes one
    or all.
    """
    if request.method == "POST":
        if pk is not None:
            raise ControlError("method_not_allowed", "Use DELETE.", 405)
        try:
            fault_request.apply_fault_request(values)
        except fault_request.InvalidField as bad:
            raise ControlError(bad.field, str(bad)) from None
    elif request.method == "DELETE" and not active_faults.clear(pk) and pk is not None:
        raise ControlError("not_found", "There is no such rule.", 404)
    return {"seed": active_faults.seed() or None, "faults": active_faults.list_active()}


@control_view("GET POST", "webhook_format", "webhook_retries")
def console_settings(request: HttpRequest, values: Mapping[str, Any]) -> dict[str, Any]:
    """Choices of the merchant's console: webhook_format json or form, webhook_retries 0 to 5. null:
    as in the settings.
    """
    if "webhook_format" in values and values["webhook_format"] not in (None, "json", "form"):
        raise ControlError("webhook_format", "webhook_format is json, form or null.")
    chosen: dict[str, Any] = {
        name: value or "" for name, value in values.items() if name == "webhook_format"
    }
    if "webhook_retries" in values:
        try:
            given = values["webhook_retries"]
            chosen["webhook_retries"] = (
                None if given is None else parsing.integer(given, 0, webhook_queue.MAX_RETRIES)
            )
        except ValueError:
            raise ControlError(
                "webhook_retries",
                f"webhook_retries is a whole number from 0 to {webhook_queue.MAX_RETRIES}, "
                "or null.",
            ) from None
    if chosen:
        Gateway.objects.update_or_create(pk=1, defaults=chosen)
    return {
        "webhook_format": webhook_queue.content_format(),
        "webhook_retries": webhook_queue.max_retries(),
    }
