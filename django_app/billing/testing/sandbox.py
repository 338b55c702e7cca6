"""The sandbox gateway in the test's own process: requests that would leave it are answered by the
sandbox app, through `responses`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
import responses
from django.core.cache import cache
from django.test import Client
from django.utils import translation

from billing.conf import conf

API_PATH = "/sandbox/api/"
CONTROL_PATH = "/sandbox/control/"

HttpResponseParts = tuple[int, Mapping[str, str], str | bytes]


@dataclass
class Call:
    """One request that reached the gateway."""

    method: str
    path: str  # below the API's address, with the query
    body: str
    headers: Mapping[str, str] = field(repr=False)


class SandboxGateway:
    """The gateway as a test sees it: what was asked, what happens there, and answers that the
    sandbox would not give.
    """

    def __init__(self) -> None:
        self.all_calls: list[Call] = []
        self._planned: list[tuple[str, str, Callable[[Call], HttpResponseParts] | Exception]] = []
        self._handler = Client().handler
        self._handler.load_middleware()  # once: it takes longer than any request that follows
        self.before_answer: Callable[[Call], None] | None = None
        self.change_answer: Callable[[Call, int, bytes], tuple[int, bytes]] | None = (
            None  # (call, HTTP status, body) → what arrives
        )

    @property
    def calls(self) -> list[Call]:
        """Every call but getToken."""
        return [call for call in self.all_calls if call.path != "users/getToken"]

    @property
    def token_calls(self) -> int:
        """How often a token was asked for."""
        return len(self.all_calls) - len(self.calls)

    # -- what happens at the gateway (the sandbox's control API) --

    def control(self, path: str, /, **body: Any) -> Any:
        """POST one control call and return its JSON; AssertionError where the sandbox
        refuses it.
        """
        with _language_kept():
            response = self._client().post(
                CONTROL_PATH + path, json.dumps(body), content_type="application/json"
            )
        if response.status_code >= 300:
            raise AssertionError(response.content)
        return response.json()

    def pay(
        self, merchant_uid: str, *, outcome: str = "paid", pay_method: str = "card", **more: Any
    ) -> str:
        """A payer uses the window: outcome paid, failed, ready or vbank. Returns the imp_uid. No
        webhook unless asked.
        """
        more.setdefault("webhook", False)
        pay_method = "vbank" if outcome == "vbank" else pay_method
        made = self.control(
            "pay", merchant_uid=merchant_uid, outcome=outcome, pay_method=pay_method, **more
        )
        return str(made["imp_uid"])

    def cancel(self, imp_uid: str, amount: int | None = None) -> None:
        """Staff cancel at the gateway's console; None: all that remains."""
        self.control(f"payments/{imp_uid}/cancel", **({} if amount is None else {"amount": amount}))

    def log(self) -> dict[str, Any]:
        """The sandbox's own record: `calls` and `deliveries`, in order."""
        with _language_kept():
            found: dict[str, Any] = self._client().get(f"{CONTROL_PATH}log").json()
            return found

    def deliver(self) -> list[dict[str, Any]]:
        """Hand out the queued webhooks now; they reach this project's own webhook view. Returns all
        deliveries so far.
        """
        self.control("deliver")
        deliveries: list[dict[str, Any]] = self.log()["deliveries"]
        return deliveries

    def answer_next(
        self,
        fragment: str,
        *,
        status: int = 200,
        json_body: Any = None,
        body: str | bytes = b"",
        method: str = "",
    ) -> None:
        """Answer the next call whose path holds `fragment` with this instead of asking the
        sandbox.
        """
        content = json.dumps(json_body) if json_body is not None else body
        self._planned.append(
            (method, fragment, lambda call: (status, {"Content-Type": "application/json"}, content))
        )

    def fail_next(self, fragment: str, trouble: Exception | None = None, method: str = "") -> None:
        """Let the next call whose path holds `fragment` fail on the way; default: a read that takes
        too long.
        """
        self._planned.append((method, fragment, trouble or requests.ReadTimeout("hung")))

    def forget_planned(self) -> None:
        """Drop answers and failures that were planned and not met yet."""
        self._planned.clear()

    # -- the route --

    def _client(self) -> Client:
        """A new one for every request, as threads may ask at once; they share the handler, as a
        server's threads do.
        """
        client = Client()
        client.handler = self._handler
        return client

    def deliver_to_this_site(self, request: requests.PreparedRequest) -> HttpResponseParts:
        """A webhook that the sandbox sends to this project."""
        body = request.body or b""
        with _language_kept():
            response = self._client().generic(
                "POST",
                urlsplit(str(request.url)).path,
                body,
                content_type=request.headers["Content-Type"],
            )
        return (
            response.status_code,
            {"Content-Type": response.headers["Content-Type"]},
            response.content,
        )

    def _respond(self, request: requests.PreparedRequest) -> HttpResponseParts:
        parts = urlsplit(str(request.url))
        base = urlsplit(conf.IAMPORT_API_URL).path
        path = parts.path.removeprefix(base) + (f"?{parts.query}" if parts.query else "")
        raw = request.body or b""
        body = raw.decode() if isinstance(raw, bytes) else str(raw)
        call = Call(str(request.method), path, body, dict(request.headers))
        self.all_calls.append(call)
        for planned in self._planned:
            method, fragment, answer = planned
            if fragment in call.path and method in ("", call.method):
                self._planned.remove(planned)
                if isinstance(answer, Exception):
                    raise answer
                return answer(call)
        sent = {
            f"HTTP_{name.upper().replace('-', '_')}": value
            for name, value in request.headers.items()
            if name != "Content-Type"
        }
        sent.pop("HTTP_CONTENT_LENGTH", None)
        with _language_kept():
            response = self._client().generic(
                call.method,
                API_PATH + path,
                body,
                content_type=request.headers.get("Content-Type", "application/octet-stream"),
                **sent,  # type: ignore[arg-type]  # headers, as META has them
            )
        # What a socket would show, see docs/sandbox.md.
        fault = response.headers.get("X-Sandbox-Fault")
        if fault == "drop":
            raise requests.ConnectionError("the sandbox dropped the connection")
        if fault == "timeout":
            raise requests.ReadTimeout("the sandbox did it and said nothing")
        if self.before_answer:
            self.before_answer(call)
        status, content = response.status_code, response.content
        if self.change_answer:
            status, content = self.change_answer(call, status, content)
        return status, {"Content-Type": response.headers["Content-Type"]}, content


@contextmanager
def _language_kept() -> Iterator[None]:
    """The sandbox answers in the same thread: its language must not become the test's."""
    language = translation.get_language()
    try:
        yield
    finally:
        translation.activate(language) if language else translation.deactivate_all()


@contextmanager
def sandbox_gateway() -> Iterator[SandboxGateway]:
    """Send every request for IAMPORT_API_URL to the sandbox app; whatever else would leave the
    process fails. No token is cached yet.
    """
    gateway = SandboxGateway()
    cache.clear()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        address = re.compile(re.escape(conf.IAMPORT_API_URL) + ".*")
        for method in ("GET", "POST", "PUT", "DELETE"):
            mock.add_callback(method, address, callback=gateway._respond, content_type=None)
        mock.add_callback(
            "POST",
            re.compile(r"http://testserver/.*"),
            callback=gateway.deliver_to_this_site,
            content_type=None,
        )
        yield gateway
