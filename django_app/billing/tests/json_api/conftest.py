"""Fixtures of the tests of what the pages' scripts ask."""

import pytest
from django.test import Client

from billing.tests.support.json_contract import CHECKOUT, GOOD, VALIDATION


@pytest.fixture
def payer(user):
    """A logged-in browser that reads English."""
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(user)
    return client


@pytest.fixture
def other(make_user):
    """Somebody else's."""
    user = make_user("other")
    client = Client(headers={"Accept-Language": "en"})
    client.force_login(user)
    client.user = user
    return client


@pytest.fixture
def checkout(payer, gateway):
    """An attempt that the page has just begun: its merchant_uid."""
    response = payer.post(CHECKOUT, GOOD)
    assert response.status_code == 201, response.content
    return response.json()["merchant_uid"]


@pytest.fixture
def validate(payer):
    def post(imp_uid, merchant_uid):
        return payer.post(VALIDATION, {"imp_uid": imp_uid, "merchant_uid": merchant_uid})

    return post


@pytest.fixture
def one_minute(monkeypatch):
    """A clock that stands still: windows do not change in the middle of a test."""
    now = [1_795_400_000.0]
    monkeypatch.setattr("billing.support.rate_limit.time.time", lambda: now[0])
    return now
