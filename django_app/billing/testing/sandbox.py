"""The sandbox gateway in the test's own process, as a test sees it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from django.http import HttpResponse

from billing.conf import conf
from billing.testing.own_settings import own_cache, own_settings
from billing.testing.project import Project
from billing.testing.route import HttpResponseParts, ask_sandbox, routed

API_PATH = "/sandbox/api/"
CONTROL_PATH = "/sandbox/control/"
JSON = {"Content-Type": "application/json"}


@dataclass
class Call:
    """One request that reached the gateway."""

    method: str
    path: str  # below the API's address, with the query
    body: str
    headers: Mapping[str, str] = field(repr=False)


class SandboxGateway:
    """What was asked, what happens at the gateway, and answers that the sandbox would not give."""

    def __init__(self) -> None:
        self.all_calls: list[Call] = []
        self._planned: list[tuple[str, str, Callable[[Call], HttpResponseParts] | Exception]] = []
        self._project = Project()
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
        response = ask_sandbox("POST", CONTROL_PATH + path, json.dumps(body), headers=JSON)
        if response.status_code >= 300:
            raise AssertionError(response.content)
        return json.loads(response.content)

    def pay(
        self, merchant_uid: str, *, outcome: str = "paid", pay_method: str = "card", **more: Any
    ) -> str:
        """A payer uses the window: outcome paid, failed, ready or vbank. Returns the imp_uid. No
        webhook unless asked (webhook=True: it waits for `webhooks`). A second time: a second
        payment of the same order.
        """
        more.setdefault("webhook", False)
        pay_method = "vbank" if outcome == "vbank" else pay_method
        made = self.control(
            "pay", merchant_uid=merchant_uid, outcome=outcome, pay_method=pay_method, **more
        )
        return str(made["imp_uid"])

    def cancel(self, imp_uid: str, amount: int | None = None) -> None:
        """Staff cancel `amount` won at the gateway's console; None: all that remains."""
        self.control(f"payments/{imp_uid}/cancel", **({} if amount is None else {"amount": amount}))

    def deposit(self, imp_uid: str, amount: int | None = None) -> None:
        """`amount` won arrive in the virtual account; None: what it waits for. AssertionError where
        the bank sends them back: another amount, too late, paid already.
        """
        self.control(
            f"payments/{imp_uid}/deposit", **({} if amount is None else {"amount": amount})
        )

    def payment_of(self, merchant_uid: str) -> str:
        """The imp_uid of the newest payment of this order; LookupError where there is none."""
        return self._project.payment_of(merchant_uid)

    def expire_tokens(self) -> None:
        """Every access token ends now. A second time: nothing changes."""
        self.control("faults", expire_tokens=True)

    def log(self) -> dict[str, Any]:
        """The sandbox's own record: `calls` and `deliveries`, in order."""
        found: dict[str, Any] = json.loads(ask_sandbox("GET", f"{CONTROL_PATH}log").content)
        return found

    # -- its webhooks --

    def deliver(self) -> list[dict[str, Any]]:
        """Hand out the queued webhooks now; they reach this project's own webhook view. Returns all
        deliveries so far. Raises what the view raises.
        """
        with self._project.heard():
            self.control("deliver")
        deliveries: list[dict[str, Any]] = self.log()["deliveries"]
        return deliveries

    def webhooks(
        self, times: int = 1, order: str = "sent", *, but: Sequence[int] = ()
    ) -> list[HttpResponse]:
        """Hand out the queued webhooks to this project's own webhook view, oldest first, or newest
        first with order="reversed"; times=2 goes through them twice. Returns the view's answers,
        in order. Then none is queued any more: a second call returns [].

        but: numbers, as `queued` gives them, of those that go on waiting. Raises what the view
        raises.
        """
        return self._project.receive_webhooks(times, order, but=but)

    def queued(self) -> list[int]:
        """Numbers of the webhooks that wait, oldest first."""
        return self._project.queued()

    # -- answers that the sandbox would not give --

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
        self._planned.append((method, fragment, lambda call: (status, JSON, content)))

    def fail_next(self, fragment: str, trouble: Exception | None = None, method: str = "") -> None:
        """Let the next call whose path holds `fragment` fail on the way; default: a read that takes
        too long. The sandbox does nothing.
        """
        self._planned.append((method, fragment, trouble or requests.ReadTimeout("hung")))

    def forget_planned(self) -> None:
        """Drop answers and failures that were planned and not met yet."""
        self._planned.clear()

    # -- the route --

    def deliver_to_this_site(self, request: requests.PreparedRequest) -> HttpResponseParts:
        """A webhook that the sandbox sends to this project."""
        response = self._project.post(
            urlsplit(str(request.url)).path, request.body or b"", request.headers["Content-Type"]
        )
        return (
            response.status_code,
            {"Content-Type": response.headers["Content-Type"]},
            response.content,
        )

    def _respond(self, request: requests.PreparedRequest) -> HttpResponseParts:
        path = str(request.url).removeprefix(conf.IAMPORT_API_URL)
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
        response = ask_sandbox(call.method, API_PATH + path, body, headers=call.headers)
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
def sandbox_gateway() -> Iterator[SandboxGateway]:
    """Inside the block every request for IAMPORT_API_URL goes to the sandbox app; whatever else
    would leave this machine through `requests` fails. No token is cached yet, and the project's own
    cache is left alone. Keys that the settings lack are made up.
    """
    gateway = SandboxGateway()
    with ExitStack() as stack:
        stack.enter_context(own_cache())
        stack.enter_context(own_settings())
        stack.enter_context(routed(gateway._respond, gateway.deliver_to_this_site))
        yield gateway
