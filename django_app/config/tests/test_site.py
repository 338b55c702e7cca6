"""Who sells and how mail leaves, as the environment says it."""

import pytest

from billing.checks import deployment
from billing.conf import NO_MAIL
from config.env import ConfigurationError
from config.env_merchant import SAMPLE_MERCHANT, Mail

SECRET = "a-password-that-must-not-be-shown"
SERVER = {
    "DJANGO_EMAIL_HOST": "mail.example",
    "DJANGO_EMAIL_FROM": "포인트 <no-reply@points.example>",
}


def test_the_merchant_is_told_in_json(live_settings):
    assert set(live_settings()["BILLING_MERCHANT"].values()) == {""}
    found = live_settings(BILLING_MERCHANT='{"name": " 가게 ", "telephone": "02-1"}')[
        "BILLING_MERCHANT"
    ]
    assert (found["name"], found["telephone"], found["address"]) == ("가게", "02-1", "")
    assert set(found) == set(SAMPLE_MERCHANT)


def test_mail_without_a_server_is_not_sent(live_settings):
    found = live_settings()
    assert found["EMAIL_BACKEND"] == NO_MAIL
    assert found["BILLING_MAIL"] is True
    assert live_settings(BILLING_MAIL="0")["BILLING_MAIL"] is False


@pytest.mark.parametrize(
    ("security", "port", "starttls", "tls"),
    [
        ("", 587, True, False),
        ("starttls", 587, True, False),
        ("tls", 465, False, True),
        ("none", 25, False, False),
    ],
)
def test_a_mail_server(live_settings, security, port, starttls, tls):
    found = live_settings(**SERVER, DJANGO_EMAIL_SECURITY=security)
    assert (
        found["EMAIL_HOST"],
        found["EMAIL_PORT"],
        found["EMAIL_USE_TLS"],
        found["EMAIL_USE_SSL"],
    ) == (
        "mail.example",
        port,
        starttls,
        tls,
    )
    assert found["DEFAULT_FROM_EMAIL"] == "포인트 <no-reply@points.example>"
    assert found["EMAIL_TIMEOUT"] == 10


def test_a_password_is_not_shown(live_settings):
    found = live_settings(**SERVER, DJANGO_EMAIL_USER="us", DJANGO_EMAIL_PASSWORD=SECRET)
    assert found["EMAIL_HOST_PASSWORD"] == SECRET
    assert SECRET not in repr(Mail("b", password=SECRET))


def test_a_live_server_says_who_sells_and_can_send_mail(settings):
    settings.ALLOWED_HOSTS, settings.IAMPORT_MODE, settings.IAMPORT_API_URL = (
        ["points.example"],
        "live",
        "https://api.iamport.kr/",
    )
    assert deployment(None) == []
    settings.BILLING_MERCHANT, settings.EMAIL_BACKEND = (
        {**SAMPLE_MERCHANT, "telephone": ""},
        NO_MAIL,
    )
    found = deployment(None)
    assert [message.id for message in found] == ["billing.W006", "billing.W007"]
    assert "telephone" in found[0].msg
    assert all(message.hint for message in found)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"DJANGO_MAINTENANCE": "soon"}, "DJANGO_MAINTENANCE is 'soon'"),
        ({"BILLING_MERCHANT": "{"}, "BILLING_MERCHANT is not valid JSON"),
        ({"BILLING_MERCHANT": "[]"}, "BILLING_MERCHANT is no JSON object"),
        ({"BILLING_MERCHANT": '{"nam": "x"}'}, "BILLING_MERCHANT has the unknown key 'nam'"),
        ({"BILLING_MERCHANT": '{"name": 1}'}, "no readable text for 'name'"),
        ({"BILLING_MERCHANT": '{"name": "a\\nb"}'}, "no readable text for 'name'"),
        ({"BILLING_MERCHANT": '{"privacy_url": "javascript:x"}'}, "privacy_url that is no address"),
        ({"DJANGO_EMAIL_HOST": "mail.example"}, "DJANGO_EMAIL_FROM is ''"),
        ({**SERVER, "DJANGO_EMAIL_FROM": "nobody"}, "DJANGO_EMAIL_FROM is 'nobody'"),
        ({**SERVER, "DJANGO_EMAIL_FROM": "a@b.example\nBcc: c@d.example"}, "DJANGO_EMAIL_FROM"),
        ({**SERVER, "DJANGO_EMAIL_PORT": "0"}, "DJANGO_EMAIL_PORT is '0'"),
        (
            {**SERVER, "DJANGO_EMAIL_SECURITY": "ssl"},
            "DJANGO_EMAIL_SECURITY is 'ssl': write starttls or tls or none.",
        ),
        ({**SERVER, "DJANGO_EMAIL_USER": "us"}, "belong together"),
        ({**SERVER, "DJANGO_EMAIL_PASSWORD": SECRET}, "belong together"),
        (
            {
                **SERVER,
                "DJANGO_EMAIL_USER": "us",
                "DJANGO_EMAIL_PASSWORD": SECRET,
                "DJANGO_EMAIL_SECURITY": "none",
            },
            "would travel unprotected",
        ),
        ({"IAMPORT_PG_HOSTS": "https://a.example; script-src *"}, "IAMPORT_PG_HOSTS has"),
        ({"IAMPORT_PG_SCRIPT_HOSTS": "*"}, "IAMPORT_PG_SCRIPT_HOSTS has"),
        ({"DJANGO_CSP_REPORT_URI": "/a; script-src *"}, "DJANGO_CSP_REPORT_URI is"),
    ],
)
def test_a_bad_variable_is_named_and_no_secret_is(live_settings, variables, words):
    with pytest.raises(ConfigurationError) as raised:
        live_settings(**variables)
    assert words in str(raised.value)
    assert SECRET not in str(raised.value)
    assert "\n" not in str(raised.value)
