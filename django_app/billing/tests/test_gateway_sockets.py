"""The gateway over real sockets: what a mock cannot show."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import responses
from django.conf import settings

from billing.errors import (
    GatewayUnreachable,
    InvalidGatewayResponse,
)
from billing.gateway.api import Deadline, gateway
from billing.tests.support.payments import envelope, payment_json

API = settings.IAMPORT_API_URL
IMP = "imp_100000000001"
TOKEN = "a9ace025c90c0da2161075da6ddd3492a2fca776"


@pytest.fixture
def wire():
    """responses without any answer yet; the token is given."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def server():
    """An HTTP server on this machine whose GET does what a test says."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        behaviour = None
        connections: set = set()

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(
                json.dumps(envelope({"access_token": TOKEN, "now": 1, "expired_at": 1801})).encode()
            )

        def do_GET(self):
            type(self).connections.add(self.client_address)
            type(self).behaviour(self)

        def answer(self, body):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads = True
    made.block_on_close = False
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield Handler, f"http://127.0.0.1:{made.server_port}/"
    made.shutdown()
    made.server_close()


def test_a_hung_connection_ends_with_the_deadline(server, settings):
    handler, settings.IAMPORT_API_URL = server
    over = threading.Event()
    handler.behaviour = lambda self: over.wait(30)
    with pytest.raises(GatewayUnreachable) as caught:
        gateway().payment(IMP, deadline=Deadline(0.3))
    assert not over.is_set()  # the call came back although the server never answered
    over.set()
    assert caught.value.surely_not_sent is False


def test_a_server_that_drips_ends_with_the_deadline(server, settings):
    handler, settings.IAMPORT_API_URL = server
    sent = []
    over = threading.Event()

    def drip(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        while len(sent) < 1000 and not over.is_set():
            self.wfile.write(b" ")
            sent.append(1)
            over.wait(0.05)

    handler.behaviour = drip
    with pytest.raises(GatewayUnreachable):
        gateway().payment(IMP, deadline=Deadline(0.3))
    over.set()
    assert len(sent) < 500


def test_headers_that_drip_end_with_the_deadline(server, settings):
    handler, settings.IAMPORT_API_URL = server
    sent, over = [], threading.Event()

    def drip(self):
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while len(sent) < 1000 and not over.is_set():
                self.wfile.write(b"X-Drip: 1\r\n" if len(sent) < 90 else b"x")
                sent.append(1)
                over.wait(0.05)
        except OSError:
            pass

    handler.behaviour = drip
    with pytest.raises(GatewayUnreachable) as caught:
        gateway().payment(IMP, deadline=Deadline(0.5))
    over.set()
    assert caught.value.surely_not_sent is False
    assert len(sent) < 80


def test_a_redirects_body_is_not_read_to_its_end(server, settings):
    handler, settings.IAMPORT_API_URL = server

    def redirect(self):
        try:
            self.wfile.write(b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\n\r\n")
            while True:
                self.wfile.write(b" " * 65536)
        except OSError:
            pass

    handler.behaviour = redirect
    with pytest.raises(InvalidGatewayResponse, match="too long"):
        gateway().payment(IMP)


def test_an_endless_answer_is_cut(server, settings):
    handler, settings.IAMPORT_API_URL = server

    def flood(self):
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b" " * 65536)
        except OSError:
            pass

    handler.behaviour = flood
    with pytest.raises(InvalidGatewayResponse, match="too long"):
        gateway().payment(IMP)


def test_connections_are_kept(server, settings):
    handler, settings.IAMPORT_API_URL = server
    handler.connections = set()
    handler.behaviour = lambda self: self.answer(json.dumps(envelope(payment_json())).encode())
    for _ in range(5):
        gateway().payment(IMP)
    assert len(handler.connections) == 1


def test_a_used_up_deadline_asks_nothing(wire):
    with pytest.raises(GatewayUnreachable):
        gateway().payment(IMP, deadline=Deadline(0))
    assert len(wire.calls) == 0
