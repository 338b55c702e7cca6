"""No text of a page is left in the other language: accounts, history, errors."""

import pytest
from django.utils import timezone

from billing.models import Point, PointCancellation, PointEntry, PointTransaction
from billing.tests.support.languages import strangers

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

LANGUAGES = ["ko", "en"]
ANYBODYS = ["/accounts/login/", "/accounts/login/?next=/billing/payments/", "/accounts/signup/",
    "/accounts/password_reset/",
            "/accounts/password_reset/done/", "/accounts/reset/MQ/abc-def/",
            "/accounts/reset/done/", "/preview/", "/nowhere/"]  # fmt: skip
MEMBERS = ["/accounts/password_change/", "/accounts/password_change/done/",
    "/accounts/login/?next=/billing/charge/",
           "/billing/payments/", "/billing/payments/?month=2020-01", "/billing/payments/?kind=paid",
           "/billing/entries/",
           "/billing/entries/?kind=spend", "/billing/payments/20261123-abc/"]  # fmt: skip
PREVIEWS = ["400", "403", "csrf", "404", "404-payment", "429", "429-login", "maintenance"]
DATA = ("payer", "20261123")  # a name and a number
BAD_FORMS = {
    "/accounts/login/": {"username": "payer", "password": "wrong"},
    "/accounts/signup/": {
        "username": "payer",
        "password1": "1234",
        "password2": "12",
        "email": "x",
    },
    "/accounts/password_reset/": {"email": "x"},
}


def read(client, address, language, form=None):
    headers = {"Accept-Language": language}
    response = (
        client.post(address, form, headers=headers)
        if form
        else client.get(address, headers=headers)
    )
    page = response.content.decode()
    assert f'<html lang="{language}">' in page, address
    return page


@pytest.fixture
def rich(user):
    """A history with everything in it."""
    account = Point.objects.create(user=user, balance=-5)
    now = timezone.now()

    def txn(number, **facts):
        return PointTransaction.objects.create(
            owner=account,
            merchant_uid=f"20261123-{number}",
            amount=10_000,
            **{"pay_method": "card", **facts},
        )

    bound = {"credited_at": now, "imp_uid": "imp_1"}
    paid = txn(1, status="paid", credited=10_000, **bound)
    txn(
        2,
        status="cancelled",
        cancel_amount=3_000,
        credited=7_000,
        **{**bound, "imp_uid": "imp_2"},
        pay_method="trans",
    )
    txn(
        3,
        status="cancelled",
        cancel_amount=10_000,
        **{**bound, "imp_uid": "imp_3"},
        pay_method="phone",
    )
    txn(4, status="paid", pending_cancel_total=10_000, **{**bound, "imp_uid": "imp_4"})
    txn(5, vbank_num="1", pay_method="vbank", vbank_date=now + timezone.timedelta(days=1))
    txn(12, vbank_num="1", pay_method="vbank", vbank_date=now)
    txn(6)
    txn(7, status="failed")
    txn(8, status="cancelled")
    PointTransaction.objects.filter(pk=txn(9).pk).update(
        created_at=now - timezone.timedelta(days=1)
    )
    for number, state in ((10, "requested"), (11, "done")):
        back = {
            "kind": "return",
            "imp_uid": f"imp_{number}",
            "amount": 9_000,
            "base": 0,
            "checksum": 9_000,
            "reason": "r",
            "state": state,
        }
        PointCancellation.objects.create(txn=txn(number, has_notes=True), **back)
    for version, kind in enumerate(("charge", "cancel", "release")):
        PointEntry.objects.create(owner=account, txn=paid, version=version, kind=kind, delta=1)
    for kind in ("spend", "give_back", "adjust"):
        PointEntry.objects.create(
            owner=account, kind=kind, idempotency_key=kind, delta=-1, memo="20261123"
        )
    return f"?month={timezone.localdate():%Y-%m}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_for_anybody(client, language):
    for address in (
        *ANYBODYS,
        *(f"/preview/{name}/" for name in PREVIEWS if name != "404-payment"),
    ):
        assert (
            strangers(
                read(client, address, language), language=language, data=(*DATA, *PREVIEWS, "500")
            )
            == []
        ), address


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_for_members(client, user, language):
    client.force_login(user)
    for address in (*MEMBERS, *(f"/preview/{name}/" for name in PREVIEWS)):
        assert strangers(read(client, address, language), language=language, data=DATA) == [], (
            address
        )


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_full_history(client, user, rich, language):
    client.force_login(user)
    for address in ("/billing/payments/", "/billing/entries/"):
        for query in ("", rich):
            assert (
                strangers(read(client, address + query, language), language=language, data=DATA)
                == []
            ), address
    for file in ("/billing/payments.csv", "/billing/entries.csv"):
        response = client.get(file, headers={"Accept-Language": language})
        lines = b"".join(response.streaming_content).decode("utf-8-sig").splitlines()
        assert (
            strangers(
                "".join(f'<p lang="{language}">{line}</p>' for line in lines),
                language=language,
                data=DATA,
            )
            == []
        )


@pytest.mark.parametrize("language", LANGUAGES)
def test_forms_that_are_sent_back(client, user, language):
    for address, form in BAD_FORMS.items():
        page = read(client, address, language, form)
        assert "errorlist" in page or "notice error" in page
        assert strangers(page, language=language, data=DATA) == [], address
    client.force_login(user)
    form = {"old_password": "wrong", "new_password1": "payer", "new_password2": "other"}
    assert (
        strangers(
            read(client, "/accounts/password_change/", language, form), language=language, data=DATA
        )
        == []
    )


def test_the_page_of_a_failure_speaks_both(client):
    page = client.get("/preview/500/").content.decode()
    assert strangers(page, language="ko", data=("Something went wrong",)) == []
    assert strangers(page, language="en", data=("Something went wrong",)) == []


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<html lang="ko"><p>포인트</p><p>Points</p></html>', ["ko: Points"]),
        ('<html lang="ko"><p lang="en">Points</p><p>1,000P</p></html>', []),
        ('<html lang="ko"><input placeholder="Your name"><img alt="x"></html>', ["ko: Your name"]),
        (
            '<html lang="ko"><p translate="no">abc</p><script>let '
            "abc;</script><p>a@b.example</p><b>가</b></html>",
            [],
        ),
        ('<html lang="en"><p>Points</p><p>포인트</p></html>', ["en: 포인트"]),
        ('<html lang="en"><p lang="ko">포인트</p><a title="보기">Show</a></html>', ["en: 보기"]),
    ],
)
def test_the_finder_finds(html, found):
    assert strangers(html, language=html[12:14]) == found
