"""A member's address and where he came from, looked for on every page and in every file by somebody
who may not see personal data.
"""

from __future__ import annotations

import io
import zipfile

import pytest
import requests
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from billing.models import PointCancellation, PointTransaction, WebhookEvent
from billing_office.tests.conftest import url
from billing_office.tests.support.staff import audit_entries

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

rows = PointTransaction.objects
NAME, ADDRESS = "hong@example.com", "127.77.88.99"
YES = {"confirmed": "yes"}


@pytest.fixture
def hong(gateway, make_user, settings):
    """A member who came back from the gateway, cancelled himself, and has something of everything
    that staff decide.
    """
    settings.IAMPORT_PG_API_KEY = "inicis-key"
    user = make_user(NAME, email=NAME, first_name="길동", last_name="홍")
    browser = Client(REMOTE_ADDR=ADDRESS)
    browser.force_login(user)
    txn = rows.start(user=user, amount=10_000, pay_method="card")
    imp_uid = gateway.pay(txn.merchant_uid)
    assert (
        browser.get(
            reverse("billing:complete"), {"imp_uid": imp_uid, "merchant_uid": txn.merchant_uid}
        ).status_code
        == 302
    )
    assert WebhookEvent.objects.get().address == ADDRESS
    assert (
        browser.post(
            reverse("billing:cancel", args=[txn.merchant_uid]), {"reason": "changed my mind"}
        ).status_code
        == 200
    )
    account = rows.start(user=user, amount=10_000, pay_method="vbank")
    rows.sync(gateway.pay(account.merchant_uid, outcome="vbank"))
    paid = rows.start(user=user, amount=20_000, pay_method="card")
    rows.sync(gateway.pay(paid.merchant_uid))
    gateway.fail_next("payments/cancel", requests.ReadTimeout("hung"))
    rows.cancel(paid, reason="x", by=user, amount=5_000)
    PointCancellation.objects.filter(state="unknown").update(needs_staff=True)
    rows.filter(pk=paid.pk).update(review="wrong_amount", has_notes=True)
    paid.notes.create(code="legacy", params={"text": "a note"})
    return user


@pytest.fixture
def claimed(gateway, boss, hong):
    """A payment that staff gave him."""
    uid = gateway.control(
        "pay", merchant_uid="lost-1", pay_method="card", outcome="paid", amount=7_000, webhook=False
    )["imp_uid"]
    boss.post(url("pointtransaction", "adopt"), {"imp_uid": uid, "member": NAME, **YES})
    return rows.get(claimed=True)


def pages(client, hong):
    """address → text, of everything that can be asked for."""
    asked = [
        "/admin/",
        "/admin/auth/user/",
        "/admin/auth/user/?q=" + NAME,
        f"/admin/search/?s={NAME[:4]}",
        f"/admin/search/?s={NAME[:4]}&extended=1",
    ]
    for model in apps.get_app_config("billing").get_models():
        name = model._meta.model_name
        if name in ("installation", "transactionnote"):  # no pages of their own
            continue
        asked += [url(name), f"{url(name)}?q={NAME}", f"{url(name)}?member={hong.pk}"]
        asked += [
            url(name, row.pk, page) for row in model.objects.all() for page in ("change", "history")
        ]
    for txn in rows.all():
        change = url("pointtransaction", txn.pk, "change")
        asked += [
            f"{change}?ask=1",
            *(
                url("pointtransaction", txn.pk, act)
                for act in ("cancel", "close-account", "resolve")
            ),
        ]
    for one in PointCancellation.objects.all():
        asked += [url("pointcancellation", one.pk, act) for act in ("finish", "settle")]
    asked += [
        url(name, "export", kind)
        for name in ("pointtransaction", "pointentry", "pointcancellation", "dailyfigures")
        for kind in ("csv", "xlsx")
    ]
    return {address: read(client.get(address, follow=True)) for address in asked}


def read(response):
    """The text of a page or file, whatever its status."""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    if body.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(body)) as book:
            body = b"\n".join(book.read(name) for name in book.namelist())
    return body.decode()


def test_no_page_and_no_file_tells_them(finance, hong, claimed):
    clerk = get_user_model().objects.get(username="finance")
    clerk.user_permissions.add(*Permission.objects.filter(content_type__app_label="auth"))
    found = pages(finance, hong)
    typed = f'value="{NAME}"'  # the field shows what was looked for
    told = {
        address: [word for word in (NAME, ADDRESS, "길동") if word in text.replace(typed, "")]
        for address, text in found.items()
    }
    assert {address: words for address, words in told.items() if words} == {}
    assert sum("h•••@example.com" in text for text in found.values()) > 10
    assert sum("127.77.88.•••" in text for text in found.values()) > 3


def test_files_tell_those_who_may(boss, hong):
    """The negative control."""
    for kind in ("csv", "xlsx"):
        assert NAME in read(boss.get(url("pointtransaction", "export", kind)))


def test_the_confirm_pages_neither(finance, hong):
    one = PointCancellation.objects.get(state="unknown")
    txn = one.txn
    for address, data in [
        (url("pointcancellation", one.pk, "settle"), {"choice": "give_up"}),
        (url("pointtransaction", txn.pk, "resolve"), {"note": "x"}),
    ]:
        text = finance.post(address, data).text
        assert 'name="confirmed"' in text
        assert NAME not in text


def test_what_staff_decided_is_written_down(gateway, finance, hong):
    one = PointCancellation.objects.get(state="unknown")
    finance.post(url("pointtransaction", one.txn_id, "resolve"), {"note": "looked at it", **YES})
    settle = url("pointcancellation", one.pk, "settle")
    finance.post(settle, {"choice": "wait", **YES})
    PointCancellation.objects.filter(pk=one.pk).update(state="unknown", needs_staff=True)
    finance.post(settle, {"choice": "send_again", **YES})
    assert audit_entries() == [("resolve", "done"), ("wait", "accepted"), ("send_again", "done")]
