"""How iamport is asked (REST API V1): session, token and limits of time and size. What is asked is
in `api.py`.

Sources: the vendor's API specification and manual. A token lives 30 minutes by the *gateway's*
clock and getToken repeats it until then.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import threading
import time
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import urlencode

import requests
import urllib3.exceptions
from django.db import connections
from django.views.decorators.debug import sensitive_variables
from iamport import Iamport
from requests.structures import CaseInsensitiveDict

from billing.conf import conf
from billing.errors import (
    GatewayError,
    GatewayPaymentNotFound,
    GatewayRejected,
    GatewayUnreachable,
    InvalidGatewayResponse,
    NetworkInTransaction,
    ResponseTooLarge,
)
from billing.gateway.deadline import READ_SECONDS, Deadline
from billing.gateway.envelope import unwrap
from billing.gateway.payment import check_imp_uid, check_merchant_uid
from billing.support import safe_cache, total_timeout

logger = logging.getLogger(__name__)

MAX_ANSWER_BYTES = 12_000_000  # a page of 1,000 payments has about 3 MB


class Client(Iamport):  # type: ignore[misc]  # the vendor's package has no types
    """The vendor's client with what it lacks: a shared token, time limits, bodies of error answers,
    `include_sandbox`.

    Every call of the base class goes through here too. One instance per process holds one pooled
    session and may be used by many threads. No call may be made while a database transaction is
    open: NetworkInTransaction.
    """

    @sensitive_variables()
    def __init__(self, imp_key: str, imp_secret: str, imp_url: str) -> None:
        super().__init__(imp_key, imp_secret, imp_url)
        session = requests.Session()
        adapter = total_timeout.TotalTimeoutAdapter(
            pool_connections=2, pool_maxsize=32, max_retries=0
        )
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        session.headers["Accept-Encoding"] = "identity"
        self.requests_session = session
        # The environment's proxies and certificates, read once: they do not change while a process
        # runs, and looking costs as much as the rest of a call.
        self._route: Any = session.merge_environment_settings(imp_url, {}, True, None, None)
        self._token_lock = threading.Lock()
        owner = hashlib.sha256(f"{imp_url}\0{imp_key}\0{imp_secret}".encode()).hexdigest()
        self._token_cache_key = f"iamport-token-{owner[:32]}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.imp_url}>"

    # -- how the base class and we ask --

    def find_by_imp_uid(self, imp_uid: str, *, deadline: Deadline | None = None) -> Any:
        url = f"{self.imp_url}payments/{check_imp_uid(imp_uid)}"
        return self._get(url, {"include_sandbox": "true"}, deadline=deadline)

    def find_by_merchant_uid(self, merchant_uid: str, *, deadline: Deadline | None = None) -> Any:
        return self._get(
            f"{self.imp_url}payments/find/{check_merchant_uid(merchant_uid)}", deadline=deadline
        )

    def _get_token(self) -> str:
        return self._token(None)

    def get_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token(None)}"}

    def _get(
        self,
        url: str,
        payload: Mapping[str, Any] | None = None,
        *,
        deadline: Deadline | None = None,
    ) -> Any:
        return self._call("GET", url, params=payload, deadline=deadline)

    def _post(
        self,
        url: str,
        payload: Mapping[str, Any] | None = None,
        *,
        deadline: Deadline | None = None,
    ) -> Any:
        return self._call("POST", url, body=payload, deadline=deadline)

    def _delete(self, url: str, *, deadline: Deadline | None = None) -> Any:
        return self._call("DELETE", url, deadline=deadline)

    @sensitive_variables()
    def _call(self, method: str, url: str, *, deadline: Deadline | None, **request: Any) -> Any:
        """One call with the shared token, which is renewed once on 401: the gateway did nothing
        then, so a POST may be repeated too.
        """
        token = self._token_or_not_sent(deadline)
        status, body = self._send(method, url, token=token, deadline=deadline, **request)
        if status == 401:
            token = self._token_or_not_sent(deadline, rejected=token)
            status, body = self._send(method, url, token=token, deadline=deadline, **request)
        return unwrap(status, body)

    @sensitive_variables()
    def _token_or_not_sent(self, deadline: Deadline | None, rejected: str | None = None) -> str:
        """The token that a call needs. Without one the call itself was surely not sent."""
        try:
            return self._token(deadline, rejected)
        except GatewayUnreachable as error:
            raise GatewayUnreachable(
                str(error),
                surely_not_sent=True,
                code=error.code,
                gateway_message=error.gateway_message,
            ) from None

    @sensitive_variables()
    def _token(self, deadline: Deadline | None, rejected: str | None = None) -> str:
        """The token that all threads and processes share. `rejected`: the one that the gateway has
        just refused.
        """
        token: str | None = safe_cache.get(self._token_cache_key)
        if token and token != rejected:
            return token
        if not self._token_lock.acquire(timeout=deadline.left() if deadline else READ_SECONDS):
            raise GatewayUnreachable(
                "another thread is still asking for a token", surely_not_sent=True
            )
        try:
            token = safe_cache.get(self._token_cache_key)
            if token and token != rejected:
                return token
            keys = {"imp_key": self.imp_key, "imp_secret": self.imp_secret}
            status, raw = self._send(
                "POST", f"{self.imp_url}users/getToken", body=keys, deadline=deadline
            )
            try:
                answer = unwrap(status, raw)
            except GatewayPaymentNotFound:  # a wrong address, not an unknown payment
                raise GatewayRejected("the gateway has no getToken at this address") from None
            token = answer.get("access_token") if isinstance(answer, dict) else None
            if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]{1,1000}", token):
                raise InvalidGatewayResponse("getToken answered no token")
            life = _token_lifetime(answer)
            if life > 0:
                # A minute of margin: below it the gateway prolongs the same token, so that asking
                # again is always enough.
                safe_cache.set(self._token_cache_key, token, seconds=max(life - 60, 1))
            return token
        finally:
            self._token_lock.release()

    @sensitive_variables("body", "token")
    def _send(
        self,
        method: str,
        url: str,
        *,
        params: Any = None,
        body: Any = None,
        token: str = "",
        deadline: Deadline | None = None,
    ) -> tuple[int, bytes]:
        """One HTTP exchange: status and body, whatever they are. No redirect is followed, none is
        retried.
        """
        refuse_inside_transaction()
        left = deadline.left() if deadline else READ_SECONDS
        limit = left if deadline else None
        path, started = url.removeprefix(self.imp_url), time.monotonic()
        try:
            request = self._request(method, url, params, body, token)
            adapter = self.requests_session.get_adapter(url)
            timeout = (min(conf.IAMPORT_CONNECT_SECONDS, left), left)
            with (
                total_timeout.time_limit(limit),
                adapter.send(request, timeout=timeout, **self._route) as response,
            ):
                status, content = response.status_code, _read(response, deadline)
        except (GatewayError, NetworkInTransaction):
            raise
        except Exception as error:  # noqa: BLE001  (whatever the layers below raise, their frames hold keys: nothing of it may travel up)
            logger.warning("gateway %s %s: %s", method, path, type(error).__name__)
            _raise_unreachable(error)
        logger.info(
            "gateway %s %s: %s in %d ms", method, path, status, (time.monotonic() - started) * 1000
        )
        return status, content

    @sensitive_variables()
    def _request(
        self, method: str, url: str, params: Any, body: Any, token: str
    ) -> requests.PreparedRequest:
        """The request as it goes out. Made by hand and handed to the adapter, below the session:
        nothing of a ~/.netrc, of cookies or of a redirect comes in, and it costs a tenth.
        """
        request = requests.PreparedRequest()
        request.method, request.hooks = method, {}
        request.url = f"{url}?{urlencode(params)}" if params else url
        request.headers = CaseInsensitiveDict(dict(self.requests_session.headers))  # type: ignore[arg-type]
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            request.body = json.dumps(body).encode()
            request.headers["Content-Type"] = "application/json"
            request.headers["Content-Length"] = str(len(request.body))
        elif method == "POST":
            request.headers["Content-Length"] = "0"
        return request


def _read(response: requests.Response, deadline: Deadline | None) -> bytes:
    """The body, bounded in size and time."""
    chunks, size = [], 0
    while chunk := response.raw.read1(65536):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise ResponseTooLarge("the answer is too long")
    if deadline:
        deadline.left()  # a connection that was cut off looks like one that ended
    return b"".join(chunks)


def _raise_unreachable(error: BaseException) -> NoReturn:
    """Its text names the kind of trouble only: the texts of requests quote headers and
    addresses.
    """
    reason = getattr(error.args[0], "reason", None) if error.args else None
    not_sent = isinstance(error, requests.ConnectTimeout) or isinstance(
        reason,
        urllib3.exceptions.NewConnectionError
        | urllib3.exceptions.NameResolutionError
        | urllib3.exceptions.ConnectTimeoutError,
    )
    raise GatewayUnreachable(
        f"the gateway gave no answer ({type(error).__name__})",
        surely_not_sent=not_sent,
        kind=type(error).__name__,
    ) from None


@sensitive_variables()
def _token_lifetime(answer: Mapping[str, Any]) -> int:
    """Seconds a token still lives, by the gateway's own clock: ours may be wrong."""
    now, expired_at = answer.get("now"), answer.get("expired_at")
    if type(now) is not int or type(expired_at) is not int:
        raise InvalidGatewayResponse("getToken answered no times")
    return min(expired_at - now, 24 * 3600)


def refuse_inside_transaction() -> None:
    """Raise NetworkInTransaction if this thread has a database transaction open; those that test
    cases wrap around a test do not count.
    """
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block and not all(
            getattr(block, "_from_testcase", False) for block in connection.atomic_blocks
        ):
            raise NetworkInTransaction(
                f"a gateway call while a transaction is open on {connection.alias!r}"
            )
