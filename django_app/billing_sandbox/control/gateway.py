"""The control API's part for the gateway as a whole: its clock, faults, the console's choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from billing_sandbox import parsing
from billing_sandbox.control.payments import Bad, endpoint
from billing_sandbox.engine import clock, due_jobs, webhook_queue, worker
from billing_sandbox.faults import in_force, rules
from billing_sandbox.models import Gateway


@endpoint("GET POST", "advance_s")
def time(request: HttpRequest, values: Mapping[str, Any]) -> dict[str, Any]:
    """The gateway's clock; a POST moves it on and does at once what falls due (webhooks excepted:
    those are handed out as ever).
    """
    if request.method == "POST":
        seconds = values.get("advance_s")
        try:
            clock.advance(parsing.whole(seconds, 0, clock.FURTHEST))
        except ValueError:
            raise Bad(
                "advance_s",
                "advance_s is a whole number of seconds, 0 or more; the clock may be 20 years "
                "ahead in all.",
            ) from None
        due_jobs.do_due()
        worker.wake()
    return {"now": clock.now(), "advanced_s": clock.offset()}


@endpoint("GET POST DELETE", *rules.FIELDS)
def fault(request: HttpRequest, values: Mapping[str, Any], pk: int | None = None) -> dict[str, Any]:
    """What shall go wrong: GET shows the rules in force, POST adds one, DELETE removes one
    or all.
    """
    if request.method == "POST":
        if pk is not None:
            raise Bad("method_not_allowed", "Use DELETE.", 405)
        try:
            rules.apply(values)
        except rules.Bad as bad:
            raise Bad(bad.field, str(bad)) from None
    elif request.method == "DELETE" and not in_force.clear(pk) and pk is not None:
        raise Bad("not_found", "There is no such rule.", 404)
    return {"seed": in_force.seed() or None, "faults": in_force.in_force()}


@endpoint("GET POST", "webhook_format", "webhook_retries")
def console(request: HttpRequest, values: Mapping[str, Any]) -> dict[str, Any]:
    """Choices of the merchant's console: webhook_format json or form, webhook_retries 0 to 5. null:
    as in the settings.
    """
    if "webhook_format" in values and values["webhook_format"] not in (None, "json", "form"):
        raise Bad("webhook_format", "webhook_format is json, form or null.")
    chosen: dict[str, Any] = {
        name: value or "" for name, value in values.items() if name == "webhook_format"
    }
    if "webhook_retries" in values:
        try:
            given = values["webhook_retries"]
            chosen["webhook_retries"] = (
                None if given is None else parsing.whole(given, 0, webhook_queue.RETRIES)
            )
        except ValueError:
            raise Bad(
                "webhook_retries",
                f"webhook_retries is a whole number from 0 to {webhook_queue.RETRIES}, or null.",
            ) from None
    if chosen:
        Gateway.objects.update_or_create(pk=1, defaults=chosen)
    return {
        "webhook_format": webhook_queue.content_format(),
        "webhook_retries": webhook_queue.retries(),
    }
