"""Webhooks: what is sent, how, to whom, and what becomes of the row."""

from __future__ import annotations

import json
import threading
import time as clock_time
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
import requests
import responses
from django.db import connections

from billing_sandbox.engine import webhook_delivery, webhook_queue, worker
from billing_sandbox.models import Delivery, Payment

pytestmark = pytest.mark.django_db(databases=["default", "sandbox"])

HOOK = "http://testserver/billing/webhook/"


@pytest.fixture
def mock():
    with responses.RequestsMock() as made:
        yield made


def test_json(control, pay, mock, time):
    mock.post(HOOK, body="thanks\n", status=200)
    uid = pay("order-1", webhook=True)
    time.advance(3)
    results = control("deliver").json()["deliveries"]
    [call] = mock.calls
    assert call.request.headers["Content-Type"] == "application/json"
    assert json.loads(call.request.body) == {
        "imp_uid": uid,
        "merchant_uid": "order-1",
        "status": "paid",
    }
    assert results == [
        {
            "id": results[0]["id"], "imp_uid": uid, "url": HOOK, "format": "json",
            "state": "delivered", "tries": 1, "answer_status": 200,
            "body": {"imp_uid": uid, "merchant_uid": "order-1", "status": "paid"},
            "answer_text": "thanks ", "due_at": time.now - 3,
            "created_at": time.now - 3, "delivered_at": time.now, "resend": False,
        }
    ]  # fmt: skip


def test_a_delivery_whose_sender_was_stopped_is_not_under_way_for_ever(pay, mock):
    pay("order-1", webhook=True)
    Delivery.objects.update(state="sending", tries=1, claimed_at=int(clock_time.time()) - 30)
    webhook_delivery.deliver_due()
    assert Delivery.objects.get().state == "sending"  # it may still be on its way
    Delivery.objects.update(claimed_at=int(clock_time.time()) - 61)
    webhook_delivery.deliver_due()
    lost = Delivery.objects.get()
    assert (lost.state, lost.answer_text) == (
        "failed",
        "The sandbox was stopped while this was under way.",
    )
    assert len(mock.calls) == 0


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_a_slow_receiver_does_not_hold_up_the_others(settings):
    """The first receiver answers 200 only if the second one was asked meanwhile."""
    asked = threading.Event()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/fast":
                asked.set()
            self.send_response(200 if asked.wait(10) else 500)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.SANDBOX = {**settings.SANDBOX, "worker": True}
    for path in ("slow", "fast"):
        url = f"http://127.0.0.1:{server.server_port}/{path}"
        Delivery.objects.create(
            imp_uid="imp_1", url=url, format="json", body={}, due_at=1, created_at=1
        )
    assert webhook_delivery.deliver_due() == 2
    server.shutdown()
    server.server_close()
    assert list(Delivery.objects.values_list("state", "answer_status")) == [("delivered", 200)] * 2


def test_form(control, pay, mock):
    mock.post(HOOK)
    uid = pay("order-1")
    cancelled = control(f"payments/{uid}/cancel").json()["cancel_history"][0]["cancellation_id"]
    assert control("deliver", format="form").json()["deliveries"][0]["format"] == "form"
    [call] = mock.calls
    assert call.request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(call.request.body.decode()) == {
        "imp_uid": [uid], "merchant_uid": ["order-1"], "status": ["cancelled"],
        "cancellation_id": [cancelled],
    }  # fmt: skip


@pytest.mark.parametrize("wanted", ["xml", 1, None, ["json"], {}])
def test_bad_format(control, pay, wanted):
    pay(webhook=True)
    answer = control("deliver", format=wanted)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "format")
    assert Delivery.objects.get().state == "queued"


def test_in_order_and_once(browser, control, pay, mock):
    for _ in range(3):
        mock.post(HOOK)
    uids = [pay(f"order-{number}", webhook=True) for number in range(3)]
    assert [row["imp_uid"] for row in control("deliver").json()["deliveries"]] == uids
    assert control("deliver").json() == {"deliveries": []}
    assert [row["state"] for row in browser.get("/sandbox/control/log").json()["deliveries"]] == [
        "delivered"
    ] * 3


@pytest.mark.parametrize("status", [201, 302, 400, 404, 500, 503])
def test_anything_but_200_is_not_delivered_and_not_tried_again(control, pay, mock, status):
    mock.post(HOOK, status=status, body="no", headers={"Location": "http://testserver/elsewhere/"})
    pay(webhook=True)
    [row] = control("deliver").json()["deliveries"]
    assert (row["state"], row["answer_status"], row["answer_text"]) == ("failed", status, "no")
    assert control("deliver").json()["deliveries"] == []
    assert len(mock.calls) == 1


@pytest.mark.parametrize(
    "trouble", [requests.ConnectionError("gone"), requests.ReadTimeout("slow"), OSError("cut")]
)
def test_network_trouble(control, pay, mock, trouble):
    mock.post(HOOK, body=trouble)
    pay(webhook=True)
    [row] = control("deliver").json()["deliveries"]
    assert (row["state"], row["answer_status"]) == ("failed", None)
    assert row["answer_text"] == f"{type(trouble).__name__}: {trouble}"


def test_timeouts_and_proxies(control, pay, mock, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://203.0.113.7:3128")
    mock.post(HOOK)
    pay(webhook=True)
    control("deliver")
    kwargs = mock.calls[0].request.req_kwargs
    assert kwargs["timeout"] == (10, 30)
    assert not kwargs["proxies"]


def test_a_long_or_binary_answer_is_cut(control, pay, mock):
    mock.post(HOOK, body=b"\x00\xff" + b"x" * 100_000)
    pay(webhook=True)
    [row] = control("deliver").json()["deliveries"]
    assert row["answer_text"].startswith("\ufffd\ufffdx")
    assert len(row["answer_text"]) == 2000


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "http://127.0.0.1.example.com/", "http://10.0.0.1/",
        "http://localhost@example.com/", "http://0.0.0.0/",
        "http://[::2]/", "http://[", "ftp://localhost/", "http://",
        "http://example.com\\@localhost/", "http://169.254.169.254/",
    ],
)  # fmt: skip
def test_nothing_leaves_this_machine(pay, url):
    uid = pay()
    Payment.objects.filter(imp_uid=uid).update(notice_urls=[url])
    webhook_queue.queue(Payment.objects.get(imp_uid=uid))
    with responses.RequestsMock() as mock:
        mock.add_callback("POST", "http://localhost/", callback=lambda request: (200, {}, ""))
        mock.assert_all_requests_are_fired = False
        [row] = webhook_delivery.deliver_now()
        assert len(mock.calls) == 0
    assert (row.state, row.answer_status) == ("failed", None)


def test_notice_url_replaces_the_console(pay, settings, mock):
    uid = pay()
    urls = ["http://localhost:9/a", "http://127.0.0.1:9/b"]
    Payment.objects.filter(imp_uid=uid).update(notice_urls=urls)
    webhook_queue.queue(Payment.objects.get(imp_uid=uid))
    for url in urls:
        mock.post(url)
    assert [(row.url, row.state) for row in webhook_delivery.deliver_now()] == [
        (url, "delivered") for url in urls
    ]


def test_without_an_address_nothing_is_queued(pay, settings):
    settings.SANDBOX = {**settings.SANDBOX, "webhook_url": ""}
    pay(webhook=True)
    assert not Delivery.objects.exists()


def test_only_what_is_due(pay, time, mock):
    pay(webhook=True)
    Delivery.objects.update(due_at=time.now + 10)
    assert webhook_delivery.deliver_due() == 0
    mock.post(HOOK)
    time.advance(10)
    assert webhook_delivery.deliver_due() == 1


def test_a_row_in_anothers_hands_is_left_alone(pay):
    pay(webhook=True)
    Delivery.objects.update(state="sending")
    assert webhook_delivery.deliver_now() == []


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_no_transaction_is_open_while_it_is_sent(control, pay, mock):
    open_ones = []

    def look(request):
        open_ones.append(connections["sandbox"].in_atomic_block)
        return 200, {}, ""

    mock.add_callback("POST", HOOK, callback=look)
    pay(webhook=True)
    control("deliver")
    assert open_ones == [False]


def test_a_reset_during_the_sending(control, pay, mock):
    def vanish(request):
        Delivery.objects.all().delete()
        return 200, {}, ""

    mock.add_callback("POST", HOOK, callback=vanish)
    pay(webhook=True)
    assert control("deliver").status_code == 200
    assert not Delivery.objects.exists()


def test_queueing_wakes_the_worker_after_commit(
    pay, monkeypatch, django_capture_on_commit_callbacks
):
    woken = []
    monkeypatch.setattr(worker, "wake", lambda: woken.append(1))
    with django_capture_on_commit_callbacks(using="sandbox", execute=True):
        pay(webhook=True)
        assert woken == []
    assert woken == [1]


class Receiver(BaseHTTPRequestHandler):
    """A real socket that keeps what it was sent."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers["Content-Type"], body))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_one_round_over_a_real_socket(pay, settings):
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    server.got = []
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        settings.SANDBOX = {
            **settings.SANDBOX,
            "webhook_url": f"http://127.0.0.1:{server.server_port}/hook/",
        }
        uid = pay("order-1", webhook=True)
        assert worker.run_once() == worker.IDLE_WAIT
    finally:
        server.shutdown()
        server.server_close()
    assert server.got == [
        (
            "/hook/",
            "application/json",
            json.dumps({"imp_uid": uid, "merchant_uid": "order-1", "status": "paid"}).encode(),
        )
    ]
    assert Delivery.objects.get().state == "delivered"


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_a_round_survives_trouble_and_comes_back_soon(pay, time, monkeypatch, caplog):
    pay(webhook=True)
    Delivery.objects.update(due_at=time.now + 5)
    assert worker.run_once() == worker.BUSY_WAIT

    def broken() -> int:
        raise RuntimeError("broken")

    monkeypatch.setattr(webhook_delivery, "deliver_due", broken)
    assert worker.run_once() == worker.BUSY_WAIT
    assert "it will try again" in caplog.text


def test_one_thread_for_a_process(monkeypatch, settings):
    started = []
    monkeypatch.setattr(worker, "_owner", 0)
    monkeypatch.setattr(
        worker.threading,
        "Thread",
        lambda **more: type("T", (), {"start": lambda self: started.append(more)})(),
    )
    worker.ensure_running()
    assert started == []  # the setting forbids it
    settings.SANDBOX = {**settings.SANDBOX, "worker": True}
    worker.ensure_running()
    worker.ensure_running()
    assert [more["daemon"] for more in started] == [True]
    monkeypatch.setattr(worker.os, "getpid", lambda: -1)  # a forked child
    worker.ensure_running()
    assert len(started) == 2
