"""Wrong passwords: one line over all names, one name over all lines, and no stranger locks a member
out.
"""

import re
import time

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.tokens import default_token_generator
from django.test import Client
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts import logins
from accounts.models import KnownLine

pytestmark = pytest.mark.django_db

LOGIN, PASSWORD = "/accounts/login/", "a-long-passphrase"
STATEMENTS_OF_A_REFUSAL = 7  # axes 2, the line 1, the name 2, the member 1, their line 1


@pytest.fixture(autouse=True)
def elsewhere(settings):
    """Browsers on other machines; the sandbox serves none."""
    settings.MIDDLEWARE = [
        name for name in settings.MIDDLEWARE if not name.startswith("billing_sandbox.")
    ]


@pytest.fixture
def hashed(monkeypatch):
    """How often a password was hashed."""
    seen = []
    real = MD5PasswordHasher.encode

    def encode(self, password, salt):
        seen.append(password)
        return real(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", encode)
    return seen


def attempt(address, name="payer", password="wrong", path=LOGIN):
    return Client().post(path, {"username": name, "password": password}, REMOTE_ADDR=address)


def from_many_lines(number, name="payer", path=LOGIN):
    """So many wrong passwords for one name, ten from a line."""
    return [
        attempt(f"198.51.{index // 10}.1", name, path=path).status_code for index in range(number)
    ]


@pytest.mark.parametrize("path", [LOGIN, "/admin/login/"])
def test_a_line_has_thirty_wrong_passwords_over_all_names(user, hashed, path):
    codes = [attempt("203.0.113.1", f"name{number}", path=path).status_code for number in range(33)]
    assert codes == [200] * 30 + [429] * 3
    assert len(hashed) == 30  # what is refused costs no hash
    refused = attempt("203.0.113.1", PASSWORD, path=path)
    assert 0 < int(refused["Retry-After"]) <= 600
    assert attempt("203.0.113.2", password=PASSWORD).status_code == 302


def test_the_addresses_of_one_ipv6_line_are_one(user):
    codes = [attempt(f"2001:db8:1:2::{number:x}").status_code for number in range(1, 13)]
    assert codes == [200] * 9 + [429] * 3
    spray = [
        attempt(f"2001:db8:7:7::{number:x}", f"name{number}").status_code for number in range(1, 32)
    ]
    assert spray == [200] * 30 + [429]
    assert attempt("2001:db8:1:3::1", password=PASSWORD).status_code == 302


def test_a_right_password_is_no_failure(make_user):
    for number in range(35):
        make_user(f"pupil{number}")
        assert attempt("203.0.113.1", f"pupil{number}", PASSWORD).status_code == 302


def test_a_name_under_attack_is_slow_for_strangers_and_open_for_its_member(user):
    assert attempt("203.0.113.1", password=PASSWORD).status_code == 302  # at home, before
    assert 429 not in [
        code for index, code in enumerate(from_many_lines(60)) if index % 10 < 9 and index < 50
    ]
    stranger = attempt("192.0.2.1")
    assert (stranger.status_code, 0 < int(stranger["Retry-After"]) <= 600) == (429, True)
    assert attempt("192.0.2.2", "somebody-else").status_code == 200
    assert attempt("203.0.113.1", password=PASSWORD).status_code == 302
    assert attempt("203.0.113.1", "payer ").status_code == 200  # a known line may mistype, too


def test_a_member_is_known_in_the_line_whatever_others_do_there(user):
    assert attempt("203.0.113.1", password=PASSWORD).status_code == 302
    spray = [attempt("203.0.113.1", f"name{number}").status_code for number in range(31)]
    assert spray[-1] == 429
    assert attempt("203.0.113.1", password=PASSWORD).status_code == 302
    assert attempt("203.0.113.1", "another").status_code == 429


def test_a_line_is_known_for_its_own_name_only(user, make_user):
    make_user("stranger")
    assert attempt("192.0.2.1", "stranger", PASSWORD).status_code == 302
    from_many_lines(60)
    assert attempt("192.0.2.1", password=PASSWORD).status_code == 429


def test_a_look_alike_of_a_name_is_not_known_for_it(make_user):
    """Django lets somebody sign up as "boß" beside "boss"; for counting they are one name."""
    make_user("boss")
    signed_up = {"username": "boß", "password1": PASSWORD, "password2": PASSWORD}
    assert Client().post("/accounts/signup/", signed_up, REMOTE_ADDR="192.0.2.1").status_code == 302
    assert attempt("203.0.113.1", "boss", PASSWORD).status_code == 302
    from_many_lines(60, "boss")
    assert attempt("192.0.2.1", "boss").status_code == 429
    assert attempt("192.0.2.1", "boß", PASSWORD).status_code == 302
    assert attempt("203.0.113.1", "boss", PASSWORD).status_code == 302


def test_a_refusal_asks_as_much_for_nobodys_name(user, hashed, django_assert_num_queries):
    from_many_lines(60)
    from_many_lines(60, "nobody")
    for name in ("payer", "nobody"):
        del hashed[:]
        with django_assert_num_queries(STATEMENTS_OF_A_REFUSAL):
            assert attempt("192.0.2.1", name).status_code == 429
        assert hashed == []


def test_a_new_line_of_the_member_gets_in_after_the_window(user, monkeypatch):
    from_many_lines(60)
    refused = attempt("192.0.2.1", password=PASSWORD)
    assert refused.status_code == 429
    later = time.time() + int(refused["Retry-After"])
    monkeypatch.setattr(time, "time", lambda: later)
    assert attempt("192.0.2.1", password=PASSWORD).status_code == 302


def test_a_success_of_ones_own_does_not_begin_a_sprayers_count_anew(user):
    spray = [attempt("203.0.113.1", f"name{number}").status_code for number in range(20)]
    assert attempt("203.0.113.1", password=PASSWORD).status_code == 302
    spray += [attempt("203.0.113.1", f"more{number}").status_code for number in range(12)]
    assert spray == [200] * 30 + [429] * 2


def test_a_new_password_by_mail_opens_a_new_line_for_its_member(user):
    from_many_lines(60)
    assert attempt("192.0.2.1", password=PASSWORD).status_code == 429
    uid, token = (
        urlsafe_base64_encode(force_bytes(user.pk)),
        default_token_generator.make_token(user),
    )
    browser = Client(REMOTE_ADDR="192.0.2.1")
    form = browser.get(f"/accounts/reset/{uid}/{token}/")["Location"]
    new = {"new_password1": "another-long-one-7", "new_password2": "another-long-one-7"}
    assert browser.post(form, new).status_code == 302
    assert attempt("192.0.2.1", password="another-long-one-7").status_code == 302
    assert attempt("192.0.2.2", password="another-long-one-7").status_code == 429


def test_a_line_is_forgotten_after_ninety_days(user):
    attempt("203.0.113.1", password=PASSWORD)
    KnownLine.objects.update(
        seen_at=KnownLine.objects.get().seen_at - logins.KNOWN_DAYS * logins.DAY
    )
    assert not logins.is_known("payer", "203.0.113.1")
    assert logins.prune() == 1


def test_known_lines_hold_no_name_and_no_address(user):
    attempt("203.0.113.1", password=PASSWORD)
    attempt("203.0.113.1", password=PASSWORD)
    assert re.fullmatch(r"[0-9a-f]{64}", KnownLine.objects.get().key)


def test_who_cannot_be_told_apart_is_one_line_that_nobody_owns(user):
    assert attempt("", password=PASSWORD).status_code == 302
    assert not KnownLine.objects.exists()
    assert [attempt("", f"name{number}").status_code for number in range(31)][-1] == 429


def test_authenticate_without_a_request_is_axes_own_matter(user, rf):
    assert (
        authenticate(rf.post(LOGIN, REMOTE_ADDR="203.0.113.1"), username="payer", password=PASSWORD)
        == user
    )


def test_the_page_says_how_long(user):
    for number in range(30):
        attempt("203.0.113.1", f"name{number}")
    page = Client(headers={"Accept-Language": "en"}).post(
        LOGIN, {"username": "x", "password": "y"}, REMOTE_ADDR="203.0.113.1"
    )
    assert page.status_code == 429
    assert "Please wait 10 minutes and try again." in page.content.decode()


# -- the old password ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/accounts/password_change/", "/admin/password_change/"])
def test_the_old_password_cannot_be_guessed_for_ever(admin_user, path):
    client = Client(REMOTE_ADDR="203.0.113.1")
    client.force_login(admin_user)
    new = {"new_password1": "another-long-one-7", "new_password2": "another-long-one-7"}
    bad_new = client.post(
        path, {"old_password": "password", "new_password1": "a", "new_password2": "b"}
    )
    assert bad_new.status_code == 200  # the old one was right
    codes = [
        client.post(
            path, {"old_password": "wrong", **new}, REMOTE_ADDR=f"198.51.100.{number}"
        ).status_code
        for number in range(12)
    ]
    assert codes == [200] * 10 + [429] * 2
    refused = client.post(path, {"old_password": "password", **new})
    assert (refused.status_code, 0 < int(refused["Retry-After"]) <= 600) == (429, True)
    assert client.get(path).status_code == 200  # the session stays
