"""Who may deliver webhooks, and what a phone's return tells strangers."""

import json
from unittest import mock

import pytest
from django.test import Client

from billing.db.environment_stamp import require_mode
from billing.models import Installation, WebhookEvent
from billing.support.client_ip import client_ip, is_listed, parse_network, rate_limit_key
from billing.tests.support.counting import statements
from billing.webhooks import intake

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

WEBHOOK, COMPLETE = "/billing/webhook/", "/billing/complete/"
VENDOR = ["52.78.100.19", "52.78.48.223", "52.78.5.241"]
FORM = "application/x-www-form-urlencoded"

events = WebhookEvent.objects


@pytest.fixture(autouse=True)
def silent_gateway(gateway):
    """Whatever comes, nobody asks the gateway."""
    yield gateway
    assert gateway.all_calls == []


@pytest.fixture(autouse=True)
def one_minute(monkeypatch):
    """A clock that stands still: windows of a minute do not end in the middle of a test."""
    now = [1_795_400_000.0]
    monkeypatch.setattr("billing.support.rate_limit.time.time", lambda: now[0])
    return now


def post(body=b"rubbish", content_type="application/json", **more):
    # As it is, whatever the content type says.
    return Client().generic("POST", WEBHOOK, body, content_type, **more)


def notice(merchant_uid="somebody-elses-order", **more):
    return json.dumps(
        {"imp_uid": "imp_100000000001", "merchant_uid": merchant_uid, "status": "paid", **more}
    )


@pytest.fixture
def behind_a_proxy(settings):
    """Live mode, the vendor's three addresses, and a proxy in front."""
    settings.IAMPORT_MODE = "live"
    Installation.objects.update(mode="live")
    require_mode()  # asked once in each process, and counted in no test
    settings.MIDDLEWARE = [
        name for name in settings.MIDDLEWARE if not name.startswith("billing_sandbox.")
    ]
    settings.BILLING_WEBHOOK_ADDRESSES = [*VENDOR, "198.51.100.0/28", "2001:db8::/32"]
    settings.TRUSTED_PROXY_HEADERS = ["x-forwarded-for"]
    return settings


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        ("52.78.100.19", 200),
        ("::ffff:52.78.48.223", 200),
        ("198.51.100.15", 200),
        ("2001:DB8::1", 200),
        ("10.0.0.1, 52.78.5.241", 200),
        ("52.78.100.20", 403),
        ("198.51.100.16", 403),
        ("::1", 403),
        ("52.78.100.19, 203.0.113.9", 403),  # written by the client, then by our proxy
        ("52.78.100.19, 52.78.100.19, 203.0.113.9", 403),
        ("52.78.100.19,", 403),
        ("52.78.100.19, unknown", 403),
        ("52.78.100.19:443", 403),
        ("052.78.100.19", 403),
        ("", 403),
    ],
)
def test_only_from_listed_addresses(behind_a_proxy, forwarded, status):
    with statements(0 if status == 403 else 2):
        assert post(notice(), headers={"X-Forwarded-For": forwarded}).status_code == status
    assert events.count() == (status == 200)


def test_without_a_trusted_header_the_forged_one_is_nothing(behind_a_proxy):
    behind_a_proxy.TRUSTED_PROXY_HEADERS = []
    forged = dict.fromkeys(
        ("X-Forwarded-For", "X-Real-IP", "Forwarded", "Client-IP", "True-Client-IP"), "52.78.100.19"
    )
    assert post(notice(), headers=forged).status_code == 403
    assert post(notice(), headers=forged, REMOTE_ADDR="52.78.100.19").status_code == 200
    assert post(notice(), REMOTE_ADDR="").status_code == 403  # a Unix socket


def test_a_refused_delivery_leaves_one_line(behind_a_proxy, caplog):
    with mock.patch(
        "django.http.request.HttpRequest.read", side_effect=AssertionError("nobody reads it")
    ):
        assert (
            post(notice("x" * 5_000), headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 403
        )
    [record] = caplog.records
    assert record.getMessage() == "webhook refused: 203.0.113.9 is not in BILLING_WEBHOOK_ADDRESSES"


@pytest.mark.parametrize(
    "typo",
    [
        ["52.78.100.1x"],
        ["52.78.100.19/16"],
        "52.78.100.19",
        ["*"],
        [""],
        [None],
        [0],
        [b"4N\x64\x13"],
        ["::ffff:52.78.100.19/96x"],
    ],
)
def test_a_typo_lets_nobody_in(behind_a_proxy, typo):
    behind_a_proxy.BILLING_WEBHOOK_ADDRESSES = typo
    assert post(notice(), headers={"X-Forwarded-For": "52.78.100.19"}).status_code == 403
    if isinstance(typo, list):
        behind_a_proxy.BILLING_WEBHOOK_ADDRESSES = [*typo, "52.78.100.19"]
        assert post(notice(), headers={"X-Forwarded-For": "52.78.100.19"}).status_code == 200


def test_the_stand_in_gateway_is_never_locked_out(settings):
    settings.BILLING_WEBHOOK_ADDRESSES = VENDOR
    assert settings.IAMPORT_MODE == "sandbox"
    assert post(notice()).status_code == 200


def test_the_return_is_open_to_every_phone(behind_a_proxy, make_txn, monkeypatch):
    monkeypatch.setattr(intake, "ask_gateway", mock.Mock(return_value=None))
    ids = {"imp_uid": "imp_1", "merchant_uid": make_txn().merchant_uid}
    assert (
        Client().get(COMPLETE, ids, headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 302
    )
    assert events.get().address == "203.0.113.9"


def test_addresses(rf, settings):
    settings.TRUSTED_PROXY_HEADERS = ["x-forwarded-for"]
    seen = {
        "1.2.3.4, 5.6.7.8": "5.6.7.8", " 5.6.7.8 ": "5.6.7.8", "::FFFF:5.6.7.8": "5.6.7.8",
        "fe80::1%eth0": "fe80::1",
        "5.6.7.8, unix:": None, "5.6.7.8,": None, "": "127.0.0.1", "  ": "127.0.0.1",
        "5.6.7.8\x00": None, "1" * 10_000: None,
    }  # fmt: skip
    for forwarded, address in seen.items():
        assert client_ip(rf.get("/", headers={"X-Forwarded-For": forwarded})) == address, forwarded
    assert client_ip(rf.get("/")) == "127.0.0.1"
    assert client_ip(rf.get("/", REMOTE_ADDR="::ffff:127.0.0.1")) == "127.0.0.1"
    assert [
        rate_limit_key(address) for address in ("1.2.3.4", "2001:db8:1:2:3:4:5:6", "x", None)
    ] == [
        "1.2.3.4",
        "2001:db8:1:2::/64",
        "unknown",
        "unknown",
    ]
    assert not is_listed(None, ["0.0.0.0/0", "::/0"])
    assert is_listed("5.6.7.8", ["x", "0.0.0.0/0"])
    assert parse_network(" 10.0.0.0/8 ").num_addresses == 2**24


# -- the return, from strangers --------------------------------------------------------------------


def handle_browser_return(imp_uid, merchant_uid, **more):
    return Client().get(COMPLETE, {"imp_uid": imp_uid, "merchant_uid": merchant_uid, **more})


def test_head_asks_nobody(make_txn, django_assert_num_queries):
    merchant_uid = make_txn().merchant_uid
    with django_assert_num_queries(0):
        response = Client().head(COMPLETE, {"imp_uid": "imp_1", "merchant_uid": merchant_uid})
    assert (response.status_code, response["Location"]) == (
        302,
        f"/billing/payments/{merchant_uid}/",
    )


@pytest.mark.parametrize("imp_uid", ["", "imp/1", "i" * 10_000, "imp_\x00", "임", "imp_1 "])
def test_a_return_without_a_usable_number_still_finds_its_page(make_txn, imp_uid):
    txn = make_txn()
    response = handle_browser_return(
        imp_uid, txn.merchant_uid, error_msg="사용자가 결제를 취소하셨습니다"
    )
    assert response["Location"] == f"/billing/payments/{txn.merchant_uid}/"
    assert events.count() == 0


@pytest.mark.parametrize(
    "merchant_uid",
    ["", "a/b", "m" * 41, "m\x00", "주문", "//evil.example", "..", "a\r\nSet-Cookie: a=b"],
)
def test_a_return_without_a_usable_order_goes_to_the_charge_page(merchant_uid):
    assert handle_browser_return("imp_1", merchant_uid)["Location"] == "/billing/charge/"


def test_a_return_for_an_unknown_order(user):
    response = handle_browser_return("imp_1", "unknown")
    assert response["Location"] == "/billing/payments/unknown/"
    member = Client()
    member.force_login(user)
    assert member.get(response["Location"]).status_code == 404
    assert events.count() == 0
