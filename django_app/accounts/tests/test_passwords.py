"""Sign-up with an address, a new password by mail, the language that is remembered."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.cache import cache

from billing.conf import NO_MAIL
from billing.models import Point
from billing.notifications import mail_queue

pytestmark = pytest.mark.django_db

LOGIN, SIGNUP, RESET, CHANGE = (
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password_reset/",
    "/accounts/password_change/",
)
ADDRESS, PASSWORD = "payer@example.com", "a-long-passphrase"


@pytest.fixture
def sign_up(client):
    def send(**changes):
        return client.post(
            SIGNUP, {"username": "fresh", "password1": PASSWORD, "password2": PASSWORD, **changes}
        )

    return send


def sent():
    assert mail_queue.wait(30)
    return mail.outbox


# -- sign-up ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["", ADDRESS])
def test_an_address_is_welcome_and_not_needed(sign_up, address):
    assert sign_up(email=address).status_code == 302
    assert get_user_model().objects.get().email == address


@pytest.mark.parametrize(
    "address",
    ["nobody", "a@b", "a@b.example\nBcc: c@d.example", "a\x00@b.example", "x" * 300 + "@b.example"],
)
def test_an_address_that_is_none(sign_up, address):
    response = sign_up(email=address)
    assert response.status_code == 200
    assert "email" in response.context["form"].errors
    assert not get_user_model().objects.exists()


def test_the_form_says_what_the_address_is_for(client):
    page = client.get(SIGNUP, headers={"Accept-Language": "en"}).content.decode()
    assert "We mail you about payments and refunds" in page
    assert 'autocomplete="email"' in page
    assert page.count("(optional)") == 1


@pytest.fixture
def elsewhere(client, settings):
    """The browser on another machine; the sandbox serves none."""
    settings.MIDDLEWARE = [
        name for name in settings.MIDDLEWARE if not name.startswith("billing_sandbox.")
    ]
    client.defaults["REMOTE_ADDR"] = "198.51.100.7"
    return client


def test_sign_ups_from_one_address_are_limited(elsewhere, sign_up):
    codes = [sign_up(password2="other").status_code for _ in range(31)]
    assert codes == [200] * 30 + [429]
    assert elsewhere.get(SIGNUP).status_code == 200
    elsewhere.defaults["REMOTE_ADDR"] = "198.51.100.8"
    assert sign_up().status_code == 302


def test_a_proxy_that_hides_its_clients_locks_nobody_out(client, sign_up):
    assert {sign_up(password2="other").status_code for _ in range(31)} == {200}


def test_in_live_mode_loopback_is_a_line_like_any_other(client, sign_up, settings):
    settings.MIDDLEWARE = [
        name for name in settings.MIDDLEWARE if not name.startswith("billing_sandbox.")
    ]
    settings.IAMPORT_MODE = "live"
    assert [sign_up(password2="other").status_code for _ in range(31)][-1] == 429


@pytest.mark.parametrize(("path", "at_most"), [(SIGNUP, 30), (RESET, 10)])
def test_one_ipv6_line_has_no_more_tries_and_cannot_flush_those_of_others(elsewhere, path, at_most):
    def post(address):
        return elsewhere.post(path, {"email": "nobody@example.com"}, REMOTE_ADDR=address)

    for _ in range(at_most):
        post("203.0.113.1")
    codes = [post(f"2001:db8:1:2::{number:x}").status_code for number in range(1, at_most + 3)]
    assert codes[-2:] == [429, 429]
    assert 429 not in codes[:-2]
    cache.clear()
    refused = post("203.0.113.1")
    assert refused.status_code == 429
    assert 3500 < int(refused["Retry-After"]) <= 3600


# -- a new password --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "subject"), [("ko", "새 비밀번호 정하기"), ("en", "Choose a new password")]
)
def test_a_link_by_mail_leads_to_a_new_password(client, make_user, language, subject):
    make_user(email=ADDRESS)
    client.cookies["django_language"] = language
    assert client.post(RESET, {"email": ADDRESS})["Location"] == f"{RESET}done/"
    [one] = sent()
    assert (one.subject, one.to) == (subject, [ADDRESS])
    assert "payer" in one.body
    link = re.search(r"http://testserver(/\S+)", one.body)[1]
    assert link in one.alternatives[0][0]
    page = client.get(link, follow=True)
    assert page.context["validlink"]
    # The token does not stay in the address.
    assert link.split("/")[-2] not in page.redirect_chain[-1][0]
    new = {"new_password1": "another-passphrase", "new_password2": "another-passphrase"}
    assert client.post(page.redirect_chain[-1][0], new)["Location"] == "/accounts/reset/done/"
    assert get_user_model().objects.get().check_password("another-passphrase")
    assert not client.get(link).context["validlink"]  # once


def test_whether_an_address_is_known_is_not_told(client, make_user):
    make_user(email=ADDRESS)
    answers = [
        client.post(RESET, {"email": address}) for address in (ADDRESS, "unknown@example.com")
    ]
    assert [answer["Location"] for answer in answers] == [f"{RESET}done/"] * 2
    assert len(sent()) == 1


def test_the_link_is_under_the_public_address(client, make_user, settings):
    make_user(email=ADDRESS)
    settings.PUBLIC_URL = "https://points.example"
    client.post(RESET, {"email": ADDRESS}, headers={"Host": "localhost"})
    assert "https://points.example/accounts/reset/" in sent()[0].body
    assert "localhost/" not in sent()[0].body


def test_requests_for_mail_are_limited(elsewhere):
    assert [elsewhere.post(RESET, {"email": "a@b.example"}).status_code for _ in range(11)] == [
        302
    ] * 10 + [429]
    assert elsewhere.get(RESET).status_code == 200


def test_a_site_without_mail_says_so(client, make_user, settings):
    make_user(email=ADDRESS)
    settings.EMAIL_BACKEND = NO_MAIL
    for response in (client.get(RESET), client.post(RESET, {"email": ADDRESS})):
        assert response.status_code == 200
        assert settings.BILLING_MERCHANT["telephone"] in response.content.decode()
        assert "<form" not in response.content.decode().split("<main")[1].split("</main")[0]
    assert sent() == []


def test_change_the_password(client, user):
    client.force_login(user)
    form = {
        "old_password": PASSWORD,
        "new_password1": "another-passphrase",
        "new_password2": "another-passphrase",
    }
    assert client.post(CHANGE, {**form, "old_password": "wrong"}).status_code == 200
    assert client.post(CHANGE, form)["Location"] == f"{CHANGE}done/"
    assert client.get(f"{CHANGE}done/").status_code == 200  # still logged in
    assert get_user_model().objects.get().check_password("another-passphrase")


# -- language --------------------------------------------------------------------------------------


def choose(client, language, **more):
    return client.post("/i18n/setlang/", {"language": language, "next": "/billing/charge/", **more})


def test_the_choice_outlives_the_browsers_session(client):
    assert int(choose(client, "en").cookies["django_language"]["max-age"]) == 365 * 24 * 3600
    assert 'lang="en"' in client.get(LOGIN, headers={"Accept-Language": "ko"}).content.decode()


def test_a_members_mail_follows_the_choice(client, user, make_user):
    other = make_user("other")
    for member in (user, other):
        Point.objects.create(pk=member.pk, language="ko")
    client.force_login(user)
    assert choose(client, "en")["Location"] == "/billing/charge/"
    assert dict(Point.objects.values_list("pk", "language")) == {user.pk: "en", other.pk: "ko"}
    for nonsense in ("de", "", "x" * 100, "en\x00", "../ko"):
        assert choose(client, nonsense).status_code == 302
    assert client.get("/i18n/setlang/?language=ko").status_code == 302
    assert Point.objects.get(pk=user.pk).language == "en"


def test_a_member_without_an_account_of_points(client, user):
    client.force_login(user)
    assert choose(client, "en").status_code == 302
    assert not Point.objects.exists()


def test_the_choice_leads_to_no_other_site(client):
    assert choose(client, "en", next="https://evil.example/")["Location"] == "/"


def test_after_a_post_the_switch_leads_to_a_page(client):
    page = client.post(LOGIN, {"username": "x", "password": "y"}).content.decode()
    assert re.search(r'<input type="hidden"\s+name="next"\s+value="/">', page)
