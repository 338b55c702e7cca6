"""What browsers are told on every kind of answer."""

import json
from urllib.parse import urlencode

import pytest
from django.http import HttpResponse

from billing_sandbox.csp import allow_framing
from config import csp

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

PAYERS = ["/accounts/login/", "/accounts/signup/", "/billing/charge/", "/billing/payments/"]
ERRORS = ["/nowhere/", "/billing/payments/20261123-abc/"]
SANDBOX = ["/sandbox/", "/sandbox/iamport.js", "/sandbox/pay/imp_1/", "/sandbox/api/payments/imp_1"]
SCRIPTS = ["/billing/payments/20261123-abc/status/", "/billing/checkout/"]
STATIC = ["/static/billing/billing.css", "/static/billing/charge.js", "/static/billing/icon.svg"]


def policy(response, header="Content-Security-Policy"):
    """The header as {directive: [sources]}."""
    return {
        name: sources
        for name, *sources in (part.split() for part in response.headers[header].split(";"))
    }


@pytest.mark.parametrize(
    "address", [*PAYERS, *ERRORS, *SANDBOX, *SCRIPTS, *STATIC, "/healthz", "/"]
)
def test_every_answer_but_the_admins_is_strict(client, user, address):
    client.force_login(user)
    response = client.get(address)
    found = policy(response)
    assert found["default-src"] == ["'none'"]
    assert found["script-src"] == found["style-src"] == found["connect-src"] == ["'self'"]
    assert found["base-uri"] == ["'none'"]
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert "http" not in response.headers["Content-Security-Policy"]  # nobody but ourselves
    assert "camera=()" in response.headers["Permissions-Policy"]
    if address.startswith("/sandbox/pay/"):
        return
    assert found["frame-ancestors"] == ["'none'"]
    if address not in STATIC and address != "/healthz":
        assert response.headers["X-Frame-Options"] == "DENY"
    if address != "/healthz":
        assert response.headers["Referrer-Policy"] == "same-origin"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_an_unreadable_request_is_answered_with_headers_too(client):
    response = client.generic(
        "POST", "/billing/webhook/", b"x", content_type="text/plain; charset=hex"
    )
    assert response.status_code == 400
    assert policy(response)["default-src"] == ["'none'"]


@pytest.mark.parametrize("address", ["/admin/", "/admin/billing/point/", "/admin/password_change/"])
def test_the_admin_alone_may_evaluate(client, admin_user, address):
    client.force_login(admin_user)
    response = client.get(address)
    assert response.status_code == 200
    assert policy(response)["script-src"] == ["'self'", "'unsafe-inline'", "'unsafe-eval'"]
    assert policy(response)["style-src"] == ["'self'", "'unsafe-inline'"]
    assert policy(response)["frame-ancestors"] == ["'none'"]


def test_an_error_under_the_admins_address_is_a_page_of_ours(client, admin_user):
    client.force_login(admin_user)
    for address, status in (("/admin/billing/point/add/", 403), ("/admin/nowhere/", 404)):
        response = client.get(address)
        assert response.status_code == status
        assert "unsafe" not in response.headers["Content-Security-Policy"]


# -- the sandbox's window --------------------------------------------------------------------------


def open_window(client, origin, **params):
    """The answer to request_pay's form, and the window that it leads to."""
    asked = {
        "merchant_uid": "order-1",
        "amount": 1000,
        "name": "points",
        "buyer_tel": "010-0000-0000",
        "pay_method": "card",
        **params,
    }
    form = {"code": "imp00000000", "origin": origin, "road": "frame", "params": json.dumps(asked)}
    answer = client.post(
        "/sandbox/pay/", urlencode(form), content_type="application/x-www-form-urlencoded"
    )
    return answer, client.get(answer.headers["Location"])


def test_our_own_window_stands_in_our_own_frame(client):
    for response in open_window(
        client, "http://testserver", m_redirect_url="http://testserver/billing/complete/"
    ):
        assert "X-Frame-Options" not in response.headers
        assert policy(response)["frame-ancestors"] == ["'self'", "http://testserver"]
        assert policy(response)["script-src"] == ["'self'"]


@pytest.mark.parametrize(
    ("address", "ends"),
    [
        ("", ["'self'"]),
        ("https://shop.example:8443/done?x=1;2#c", ["'self'", "https://shop.example:8443"]),
        ("http://[::1]:9000/끝", ["'self'", "http://[::1]:9000"]),
        ("https://가게.example/", ["'self'", "http:", "https:"]),
        ("https://user@shop.example/", ["'self'", "http:", "https:"]),
        ("http://[x", ["'self'"]),
    ],
)
def test_a_shop_frames_its_window_and_gets_its_payer_back(client, address, ends):
    _, shown = open_window(client, "https://shop.example:8443", m_redirect_url=address)
    assert shown.status_code == 200
    assert policy(shown)["form-action"] == ends
    assert policy(shown)["frame-ancestors"] == ["'self'", "https://shop.example:8443"]


def test_an_opener_that_nobody_knows():
    response = HttpResponse()
    allow_framing(response, opener="")
    assert response._csp_replace == {"frame-ancestors": None, "form-action": ["'self'"]}


# -- live mode -------------------------------------------------------------------------------------

VENDOR = csp.Hosts(
    sdk="https://cdn.iamport.kr",
    windows=("https://service.iamport.kr",),
    calls=("https://calls.example",),
    payment_hosts=("https://*.inicis.com",),
    payment_script_hosts=("https://scripts.example",),
)


def test_live_mode_lets_the_gateway_in_and_nothing_inline(client, settings):
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": csp.pages(VENDOR, report_uri="/reports")}
    settings.PERMISSIONS_POLICY = csp.permissions(VENDOR)
    response = client.get("/accounts/login/")
    found = policy(response)
    assert found["script-src"] == ["'self'", "https://cdn.iamport.kr", "https://scripts.example"]
    assert found["frame-src"] == ["https://service.iamport.kr", "https://*.inicis.com"]
    assert found["form-action"] == ["'self'", "https://service.iamport.kr", "https://*.inicis.com"]
    assert found["connect-src"] == [
        "'self'",
        "https://service.iamport.kr",
        "https://*.inicis.com",
        "https://calls.example",
    ]
    assert found["report-uri"] == ["/reports"]
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert (
        'payment=(self "https://service.iamport.kr" "https://*.inicis.com")'
        in response.headers["Permissions-Policy"]
    )


def test_report_only(client, admin_client, settings):
    strict = settings.CONTENT_SECURITY_POLICY
    settings.CONTENT_SECURITY_POLICY, settings.CONTENT_SECURITY_POLICY_REPORT_ONLY = None, strict
    for browser, address, script in (
        (client, "/accounts/login/", ["'self'"]),
        (admin_client, "/admin/", csp.ADMIN["script-src"]),
    ):
        response = browser.get(address)
        assert "Content-Security-Policy" not in response.headers
        assert policy(response, "Content-Security-Policy-Report-Only")["script-src"] == script


def test_the_gateway_is_let_in_by_the_settings_of_live_mode(live_settings):
    found = live_settings(
        IAMPORT_PG_HOSTS="https://*.pg.example, https://pg.example:8443",
        DJANGO_CSP_REPORT_URI="https://reports.example/csp",
    )
    directives = found["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]
    assert "https://cdn.iamport.kr" in directives["script-src"]
    assert {"https://service.iamport.kr", "https://*.pg.example", "https://pg.example:8443"} <= set(
        directives["frame-src"]
    )
    assert "'self'" not in directives["frame-src"]
    assert directives["report-uri"] == ["https://reports.example/csp"]
    assert found["SECURE_CROSS_ORIGIN_OPENER_POLICY"] == "same-origin-allow-popups"
    assert found["CONTENT_SECURITY_POLICY_REPORT_ONLY"] is None


def test_live_mode_in_report_only(live_settings):
    found = live_settings(DJANGO_CSP_REPORT_ONLY="1")
    assert found["CONTENT_SECURITY_POLICY"] is None
    assert (
        "https://cdn.iamport.kr"
        in found["CONTENT_SECURITY_POLICY_REPORT_ONLY"]["DIRECTIVES"]["script-src"]
    )
