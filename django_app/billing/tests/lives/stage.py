"""What stays the same through all lives of a run: members, staff, browsers, the gateway, and the
patches that make time ours.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import requests
from django.apps import apps
from django.db import connections
from django.test import Client, override_settings

from billing.support import safe_cache
from billing.testing import SandboxGateway, ledger_unlocked, sandbox_gateway
from billing.tests.lives.books import BOLD
from billing.tests.lives.process import Killed

SETTINGS: dict[str, Any] = {
    "CACHES": {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
    "BILLING_CHECKOUTS_PER_MINUTE": 10**6,
    "BILLING_VALIDATIONS_PER_MINUTE": 10**6,
}


class _Errors(logging.Handler):
    """Keeps what the product logs as an error: somewhere an exception was caught and told to nobody
    else.
    """

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(
            f"{record.getMessage()}: {record.exc_info[1]!r}"
            if record.exc_info
            else record.getMessage()
        )


@dataclass
class Stage:
    """A theatre for one life after the other."""

    gateway: SandboxGateway
    members: list[Any]
    careful: Any
    bold: Any
    browsers: dict[int, Client]
    errors: list[str]

    def clear(self) -> None:
        """Nothing has happened yet. Rows are deleted, because a flush of all tables takes longer
        than a life.
        """
        with ledger_unlocked("default"):
            for model in _models("billing"):
                if model.__name__ != "Installation":
                    model._base_manager.all()._raw_delete("default")
        for model in _models("sandbox"):
            model._base_manager.all()._raw_delete("sandbox")
        safe_cache.cache.clear()  # type: ignore[attr-defined]
        self.gateway.all_calls.clear()
        self.gateway.forget_planned()
        self.errors.clear()


def _models(label: str) -> list[Any]:
    """Those that point at others first."""
    models = list(apps.get_app_config(label).get_models())
    needs = {
        m: {f.related_model for f in m._meta.fields if f.is_relation and f.related_model in models}
        - {m}
        for m in models
    }
    ordered: list[Any] = []
    while needs:
        free = [model for model in needs if not any(model in others for others in needs.values())]
        ordered += free
        for model in free:
            del needs[model]
    return ordered


@contextmanager
def stage(make_user: Callable[..., Any]) -> Iterator[Stage]:
    """Set it up; whatever of our logs is below ERROR is not written while it stands."""
    members = [make_user("minji"), make_user("jun")]
    errors = _Errors()
    with ExitStack() as stack:
        stack.enter_context(override_settings(**SETTINGS))
        stack.enter_context(
            patch.object(
                SandboxGateway,
                "deliver_to_this_site",
                _to_a_mortal(SandboxGateway.deliver_to_this_site),
            )
        )
        gateway = stack.enter_context(sandbox_gateway())
        logger = logging.getLogger("billing")
        logger.addHandler(errors)
        stack.callback(logger.removeHandler, errors)
        stack.callback(logging.disable, logging.root.manager.disable)
        logging.disable(logging.WARNING)
        requests_log = logging.getLogger("django.request")  # 5xx are the gateway's trouble here
        stack.callback(requests_log.setLevel, requests_log.level)
        requests_log.setLevel(logging.CRITICAL)
        browsers = {}
        for member in members:
            browsers[member.pk] = Client()
            browsers[member.pk].force_login(member)
        yield Stage(gateway, members, make_user("careful"), make_user(BOLD), browsers, errors.lines)
        assert not connections["default"].in_atomic_block


def _to_a_mortal(deliver: Callable[..., Any]) -> Callable[..., Any]:
    """A webhook whose receiver is killed: its sender sees the connection break."""

    def to_ourselves(gateway: SandboxGateway, request: requests.PreparedRequest) -> Any:
        try:
            answer = deliver(gateway, request)
        except Killed:
            raise requests.ConnectionError("the receiver has gone") from None
        assert answer[0] in (200, 503), f"the webhook answers {answer}"
        return answer

    return to_ourselves
