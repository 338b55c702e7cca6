"""What every address of the control API goes through. JSON in, JSON out.

A POST must say `Content-Type: application/json`: a foreign web page cannot send that from a browser
without asking first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from billing_sandbox import parsing
from billing_sandbox.engine import worker


class ControlError(Exception):
    """An answer `{"error": {"code", "message"}}`."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def control_view(
    methods: str, *allowed: str
) -> Callable[[Callable[..., dict[str, Any]]], Callable[..., JsonResponse]]:
    """A control view for some methods ("GET POST"). allowed: names a POST's JSON object may hold;
    the view gets the object.
    """

    def decorate(handler: Callable[..., dict[str, Any]]) -> Callable[..., JsonResponse]:
        @csrf_exempt
        def view(request: HttpRequest, **parts: str) -> JsonResponse:
            worker.ensure_running()
            try:
                if request.method not in methods.split():
                    raise ControlError(
                        "method_not_allowed", f"Use {methods.replace(' ', ' or ')}.", 405
                    )
                return JsonResponse(
                    handler(
                        request,
                        _read(request, allowed) if request.method == "POST" else {},
                        **parts,
                    )
                )
            except ControlError as bad:
                response = JsonResponse(
                    {"error": {"code": bad.code, "message": bad.message}}, status=bad.status
                )
                if bad.status == 405:
                    response["Allow"] = ", ".join(methods.split())
                return response

        return view

    return decorate


def _read(request: HttpRequest, allowed: tuple[str, ...]) -> dict[str, Any]:
    if request.content_type != parsing.JSON:
        raise ControlError("content_type", "Send Content-Type: application/json.")
    try:
        raw = parsing.raw_body(request)
        values = parsing.json_object(raw) if raw.strip() else {}
    except parsing.BodyTooLarge:
        raise ControlError("too_big", "The body is too big.") from None
    except ValueError:
        raise ControlError("json", "The body is not a JSON object.") from None
    unknown = sorted(set(values) - set(allowed)) if allowed else sorted(values)
    if unknown:
        raise ControlError(
            "unknown_field", f"Unknown field; known are: {', '.join(allowed) or 'none'}."
        )
    return values


@csrf_exempt
def unknown_address(request: HttpRequest, **parts: str) -> JsonResponse:
    """The control API's 404."""
    return JsonResponse(
        {"error": {"code": "not_found", "message": "There is no such address."}}, status=404
    )
