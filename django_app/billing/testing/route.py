"""The way of a request in a test: to the stand-in for what goes to the gateway, to the project's
own views for the stand-in's webhooks, and nowhere for the rest.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import responses as PHRASES
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import requests
import urllib3
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import resolve
from requests.adapters import BaseAdapter, HTTPAdapter

from billing.conf import conf
from billing.testing.sides import URLCONF, sandbox_side

HttpResponseParts = tuple[int, Mapping[str, str], str | bytes]
Answer = Callable[[requests.PreparedRequest], HttpResponseParts]

TEST_HOST = "testserver"  # what Django's test client calls the project
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_TO_THE_NETWORK = HTTPAdapter.send


class SandboxFailed(BaseException):
    """The stand-in itself failed, which is no answer of a gateway: no `except Exception` on the way
    may take it for one.
    """


def ask_sandbox(
    method: str, path: str, body: str = "", *, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """One request to the stand-in, answered in this thread by its views alone: the project's
    middleware, URLs, ATOMIC_REQUESTS and request signals have no part in it.

    path: from the root, with the query. Raises SandboxFailed.
    """
    sent = dict(headers or {})
    content_type = sent.pop("Content-Type", "application/octet-stream")
    sent.pop("Content-Length", None)
    request = RequestFactory().generic(method, path, body, content_type=content_type, headers=sent)
    request.urlconf = URLCONF
    with sandbox_side():
        try:
            match = resolve(request.path_info, urlconf=URLCONF)
            request.resolver_match = match
            response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        except Exception as error:
            raise SandboxFailed(
                f"the sandbox gateway failed at {method} {path}: {type(error).__name__}: {error} "
                "(tables missing? run pytest once with --create-db)"
            ) from error
    return response


@contextmanager
def routed(to_gateway: Answer, to_project: Answer) -> Iterator[None]:
    """Inside the block `requests` reaches these two, and this machine; what would leave it fails
    with requests.ConnectionError and says so. Other imitations (`responses`, adapters of your own)
    go on working for addresses of their own.
    """
    usual = requests.Session.get_adapter

    def get_adapter(session: requests.Session, url: str | bytes) -> BaseAdapter:
        address = url.decode() if isinstance(url, bytes) else url
        if address.startswith(conf.IAMPORT_API_URL):
            return _Answers(to_gateway)
        host = urlsplit(address).hostname
        if host == TEST_HOST:
            return _Answers(to_project)
        adapter = usual(session, address)
        leaves = isinstance(adapter, HTTPAdapter) and HTTPAdapter.send is _TO_THE_NETWORK
        return _Answers(_refuse) if leaves and host not in LOOPBACK else adapter

    with patch.object(requests.Session, "get_adapter", get_adapter):
        yield


def _refuse(request: requests.PreparedRequest) -> HttpResponseParts:
    parts = urlsplit(str(request.url))
    raise requests.ConnectionError(
        f"{request.method} {parts.scheme}://{parts.netloc}{parts.path} would have left this "
        "machine. A test with the fixture `gateway` reaches the sandbox at "
        f"{conf.IAMPORT_API_URL} and nothing else: imitate this address too, for example with the "
        "package `responses`."
    )


class _Answers(BaseAdapter):
    """requests' adapter for addresses that are answered in this process."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self._answer = answer

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        status, headers, content = self._answer(request)
        body = content.encode() if isinstance(content, str) else content
        raw = urllib3.HTTPResponse(
            io.BytesIO(body),
            headers=dict(headers),
            status=status,
            reason=PHRASES.get(status, ""),
            preload_content=False,
        )
        return HTTPAdapter().build_response(request, raw)

    def close(self) -> None: ...
