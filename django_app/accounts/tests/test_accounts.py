"""Logging in, signing up, and whether the site is alive."""

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError
from django.test import Client

from accounts.views import SignupForm
from billing.support.client_ip import client_ip

pytestmark = pytest.mark.django_db
LOGIN, SIGNUP, CHARGE = "/accounts/login/", "/accounts/signup/", "/billing/charge/"


def test_the_front_page_is_the_charge_page(client, user):
    assert client.get("/")["Location"] == CHARGE
    anonymous = client.get(CHARGE)
    assert anonymous["Location"] == f"{LOGIN}?next={CHARGE}"
    client.force_login(user)
    assert client.get(CHARGE).status_code == 200


def test_login_and_back_and_logout(client, user):
    response = client.post(
        f"{LOGIN}?next={CHARGE}", {"username": "payer", "password": "a-long-passphrase"}
    )
    assert response["Location"] == CHARGE
    assert client.get(CHARGE).status_code == 200
    assert client.post("/accounts/logout/")["Location"] == LOGIN
    assert client.get(CHARGE).status_code == 302


def test_login_does_not_lead_to_another_site(client, user):
    response = client.post(
        LOGIN,
        {"username": "payer", "password": "a-long-passphrase", "next": "https://evil.example/"},
    )
    assert response["Location"] == CHARGE


def test_sign_up_logs_in(client):
    form = {"username": "fresh", "password1": "a-long-passphrase", "password2": "a-long-passphrase"}
    assert client.post(SIGNUP, form)["Location"] == CHARGE
    assert client.get(CHARGE).status_code == 200
    assert get_user_model().objects.get().username == "fresh"
    assert client.get(SIGNUP)["Location"] == CHARGE  # whoever is logged in has an account


@pytest.mark.parametrize(
    "changes",
    [
        {"username": ""},
        {"password2": "other"},
        {"password1": "short", "password2": "short"},
        {"username": "a\x00b"},
        {"username": "x" * 200},
    ],
)
def test_a_bad_sign_up_says_why(client, changes):
    form = {
        "username": "fresh",
        "password1": "a-long-passphrase",
        "password2": "a-long-passphrase",
        **changes,
    }
    response = client.post(SIGNUP, form)
    assert response.status_code == 200
    assert response.context["form"].errors
    assert get_user_model().objects.count() == 0


def attempt(client, password="wrong", name="payer", address="127.0.0.1"):
    return client.post(LOGIN, {"username": name, "password": password}, REMOTE_ADDR=address)


def test_ten_wrong_passwords_then_a_pause(client, user, make_user):
    make_user("other")
    codes = [attempt(client).status_code for _ in range(12)]
    assert codes == [200] * 9 + [429] * 3
    assert attempt(client, "a-long-passphrase").status_code == 429
    # The member elsewhere.
    assert attempt(client, "a-long-passphrase", address="127.0.0.2").status_code == 302
    # Another member here.
    assert attempt(Client(), "a-long-passphrase", name="other").status_code == 302


def test_the_admin_is_guarded_too(client, user):
    codes = [
        client.post("/admin/login/", {"username": "payer", "password": "wrong"}).status_code
        for _ in range(11)
    ]
    assert codes[0] == 200
    assert codes[-1] == 429


def test_a_success_forgets_the_failures(client, user):
    for _ in range(3):
        assert [attempt(client).status_code for _ in range(8)] == [200] * 8
        assert attempt(client, "a-long-passphrase").status_code == 302
        client.logout()


def test_forwarded_addresses_count_only_if_trusted(rf, settings):

    request = rf.get("/", headers={"X-Forwarded-For": "1.2.3.4, 5.6.7.8"})
    assert client_ip(request) == "127.0.0.1"
    settings.TRUSTED_PROXY_HEADERS = ["x-forwarded-for"]
    assert client_ip(request) == "5.6.7.8"
    assert client_ip(rf.get("/", headers={"X-Forwarded-For": "nonsense"})) is None
    assert client_ip(rf.get("/", REMOTE_ADDR="")) is None


def test_alive_without_a_database(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok\n")


def test_ready_with_a_database(client, monkeypatch):
    assert client.get("/readyz").status_code == 200

    def gone(*args, **kwargs):
        raise DatabaseError("gone")

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", gone)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert b"gone" not in response.content


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere/",
        "/billing/payments/%00/",
        "/billing/payments/" + "m" * 41 + "/",
        "/billing/payments/주문/",
        "/billing/payments/a%2Fb/",
        "/billing/payments/m-1/status/x",
    ],
)
@pytest.mark.parametrize("language", ["ko", "en"])
def test_what_is_not_there(client, user, path, language):
    client.force_login(user)
    response = client.get(path, headers={"Accept-Language": language})
    assert response.status_code == 404
    assert "<h1" in response.content.decode()


def test_somebody_elses_payment_page_is_not_there(client, user):
    client.force_login(user)
    assert client.get("/billing/payments/20261123-abc/").status_code == 404


def test_the_language_can_be_chosen(client):
    client.post("/i18n/setlang/", {"language": "en", "next": LOGIN})
    assert 'lang="en"' in client.get(LOGIN).content.decode()
    client.post("/i18n/setlang/", {"language": "ko", "next": LOGIN})
    assert 'lang="ko"' in client.get(LOGIN).content.decode()


@pytest.mark.parametrize(
    ("accept", "shown"), [("", "ko"), ("de", "ko"), ("en-US,en;q=0.9", "en"), ("ko-KR", "ko")]
)
def test_korean_unless_the_browser_speaks_english(client, accept, shown):
    page = client.get(LOGIN, headers={"Accept-Language": accept}).content.decode()
    assert f'lang="{shown}"' in page


def test_pages_hold_no_inline_script_or_style(client, user):
    client.force_login(user)
    for path in (CHARGE, LOGIN, SIGNUP, "/nowhere/"):
        page = client.get(path).content.decode()
        assert " style=" not in page
        assert "<style" not in page
        assert " onclick=" not in page
        for script in page.split("<script")[1:]:
            head = script.split(">")[0]
            assert "src=" in head or 'type="application/json"' in head


# -- what nobody could read ------------------------------------------------------------------------

ODD = {
    "charset hex": {"CONTENT_TYPE": "application/x-www-form-urlencoded; charset=hex"},
    "charset undefined": {"CONTENT_TYPE": "text/plain; charset=undefined"},
    "charset rot13": {"CONTENT_TYPE": "application/json; charset=rot13"},
    "multipart of escapes": {
        "CONTENT_TYPE": "multipart/form-data; boundary=x; charset=unicode_escape"
    },
    "multipart of raw escapes": {
        "CONTENT_TYPE": "multipart/form-data; boundary=x; charset=raw-unicode-escape"
    },
    "multipart in UTF-7": {"CONTENT_TYPE": "multipart/form-data; boundary=x; charset=UTF-7"},
    "multipart of another charset": {
        "CONTENT_TYPE": "multipart/form-data; boundary=x; charset=hex"
    },
    "a length that is none": {"CONTENT_LENGTH": "abc"},
    "a length in full-width digits": {"CONTENT_LENGTH": "１"},
    "a negative length": {"CONTENT_LENGTH": "-5"},
    "a NUL in the session": {"HTTP_COOKIE": 'sessionid="abcdefgh\\000ijk"'},
}
PATHS = [
    "/",
    LOGIN,
    SIGNUP,
    CHARGE,
    "/billing/checkout/",
    "/billing/validation/",
    "/billing/complete/",
    "/billing/webhook/",
    "/admin/login/",
    "/i18n/setlang/",
    "/nowhere/",
]


@pytest.mark.money
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ODD)
def test_an_unreadable_request_is_a_400(user, path, name):
    body = b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\nabc\r\n--x--\r\n'
    for method in ("GET", "POST"):
        response = Client().generic(method, path, body, **ODD[name])
        assert response.status_code == 400, (method, path, name)


@pytest.mark.parametrize(
    ("charset", "half"),
    [("unicode_escape", rb"\ud800"), ("utf-7", b"+2AA-"), ("euc-kr", "가".encode("euc-kr"))],
)
def test_a_name_that_is_half_a_letter_never_reaches_the_database(charset, half):
    field = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    body = field % (b"username", half) + field % (b"password", b"abc") + b"--x--\r\n"
    codes = {
        Client()
        .generic(
            "POST", path, body, content_type=f"multipart/form-data; boundary=x; charset={charset}"
        )
        .status_code
        for path in (LOGIN, "/admin/login/", SIGNUP)
    }
    assert codes == ({200} if charset == "euc-kr" else {400})


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"imp_uid=" + b"a" * 300_000, "application/x-www-form-urlencoded"),
        (b"a&" * 1500, "application/x-www-form-urlencoded"),
        (b"x", "multipart/form-data"),
        (b"a=b", "application/x-www-form-urlencoded; charset=latin-1"),
    ],
)
def test_scripts_get_json_for_a_body_that_cannot_be_parsed(client, user, body, content_type):
    client.force_login(user)
    for path in ("/billing/validation/", "/billing/checkout/"):
        response = client.generic("POST", path, body, content_type=content_type)
        assert (response.status_code, response["Content-Type"]) == (400, "application/json")
        assert response.json()["error"]["code"] == "bad_input"


def test_probes_may_ask_by_address(client):
    assert client.get("/healthz", headers={"Host": "10.0.0.7:8000"}).status_code == 200
    assert client.get("/readyz", headers={"Host": "10.0.0.7:8000"}).status_code == 200
    assert client.get(LOGIN, headers={"Host": "10.0.0.7:8000"}).status_code == 400


def test_two_people_who_want_one_name_at_once(client, make_user, monkeypatch):
    real = SignupForm.is_valid

    def valid(self):
        answer = real(self)
        make_user("fresh")  # the other request commits first
        return answer

    monkeypatch.setattr(SignupForm, "is_valid", valid)
    response = client.post(
        SIGNUP,
        {"username": "fresh", "password1": "a-long-passphrase", "password2": "a-long-passphrase"},
    )
    assert response.status_code == 200
    assert "username" in response.context["form"].errors


def test_wrong_passwords_count_by_the_clients_address_not_the_proxys(user, settings):
    settings.MIDDLEWARE = [
        name for name in settings.MIDDLEWARE if not name.startswith("billing_sandbox.")
    ]
    settings.TRUSTED_PROXY_HEADERS = ["x-forwarded-for"]

    def from_address(address, password="wrong"):
        return (
            Client()
            .post(
                LOGIN,
                {"username": "payer", "password": password},
                headers={"X-Forwarded-For": address},
            )
            .status_code
        )

    assert [from_address("203.0.113.1") for _ in range(11)][-1] == 429
    assert from_address("203.0.113.2", "a-long-passphrase") == 302


@pytest.mark.parametrize(
    "path", [CHARGE, "/billing/payments/", "/billing/payments/m-1/", "/accounts/password_change/"]
)
def test_pages_for_members_ask_for_a_login(client, path):
    assert client.get(path)["Location"].startswith(f"{LOGIN}?next=/")


def test_script_answers_are_not_kept_by_caches(client, user):
    client.force_login(user)
    assert client.get("/billing/payments/m-1/status/")["Cache-Control"] == "no-store"


ADMIN_LISTS = ["pointtransaction", "pointentry", "pointcancellation", "webhookevent", "point"]


@pytest.mark.parametrize("model", ADMIN_LISTS)
def test_staff_look_and_change_nothing(client, admin_user, user, model):
    client.force_login(admin_user)
    assert client.get(f"/admin/billing/{model}/").status_code == 200
    assert client.get(f"/admin/billing/{model}/add/").status_code == 403
    client.force_login(user)
    assert client.get(f"/admin/billing/{model}/").status_code == 302
