"""Mistakes in the settings, with stable ids."""

import pytest

from billing.checks import deployment, product_settings


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("BILLING_MIN_AMOUNT", 0, "billing.E001"),
        ("BILLING_MIN_AMOUNT", 1_050, "billing.E001"),
        ("BILLING_MAX_AMOUNT", 500, "billing.E001"),
        ("BILLING_MAX_AMOUNT", "1000000", "billing.E001"),
        ("BILLING_PRESETS", [5_000, 2_000_000], "billing.E002"),
        ("BILLING_PRESETS", ["5000"], "billing.E002"),
        ("BILLING_METHODS", [], "billing.E003"),
        ("BILLING_BUYER", "billing.buyer.nobody", "billing.E004"),
        ("BILLING_WEBHOOK_ADDRESSES", ["52.78.100.19", "52.78.48.22x"], "billing.E005"),
        ("BILLING_WEBHOOK_ADDRESSES", ["52.78.100.19/16"], "billing.E005"),
        ("BILLING_WEBHOOK_ADDRESSES", "52.78.100.19", "billing.E005"),
        ("BILLING_WEBHOOK_ADDRESSES", [0], "billing.E005"),
        ("IAMPORT_CHANNELS", {"crad": "channel-key-1"}, "billing.W004"),
    ],
)
def test_a_mistake_is_found(settings, name, value, found):
    assert product_settings(None) == []
    setattr(settings, name, value)
    [message] = product_settings(None)
    assert message.id == found
    assert message.hint


def test_what_a_live_server_should_not_have(settings):
    assert [message.id for message in deployment(None)] == ["billing.W001", "billing.W005"]
    settings.ALLOWED_HOSTS = ["points.example"]
    settings.IAMPORT_MODE, settings.BILLING_ACCEPT_TEST_CHANNEL = "live", True
    assert [message.id for message in deployment(None)] == ["billing.W002", "billing.W003"]
    settings.BILLING_ACCEPT_TEST_CHANNEL, settings.IAMPORT_API_URL = False, "https://api.iamport.kr/"
    assert deployment(None) == []
