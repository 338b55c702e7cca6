"""The project that is tested, as the stand-in's webhooks reach it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

from django.http import HttpResponse
from django.test import Client
from django.test.client import ClientHandler

from billing.conf import conf
from billing.support.client_ip import parse_network
from billing.testing.own_settings import webhook_url
from billing.testing.route import SandboxFailed
from billing.testing.sides import project_side, sandbox_side

ORDERS = ("sent", "reversed")
NO_WEBHOOK = (
    'this project has no webhook: add path("pay/points/", include("billing.urls")) to its '
    "ROOT_URLCONF"
)


class Project:
    """Its views through Django's test client, with all its middleware."""

    def __init__(self) -> None:
        self._handler: ClientHandler | None = None
        self._answers: list[HttpResponse] = []
        self._raised: list[Exception] = []

    def post(self, path: str, body: str | bytes, content_type: str) -> HttpResponse:
        """One webhook, as a new request. Raises what the view raises."""
        sent: dict[str, Any] = {"content_type": content_type, "REMOTE_ADDR": _sender()}
        with project_side():
            try:
                response = self._client().generic(
                    "POST", path, body, secure=conf.django.SECURE_SSL_REDIRECT, **sent
                )
            except Exception as error:
                self._raised.append(error)
                raise
        answer = cast("HttpResponse", response)
        self._answers.append(answer)
        return answer

    def payment_of(self, merchant_uid: str) -> str:
        """The imp_uid of the newest payment that the stand-in has under this order."""
        from billing_sandbox.models import Payment

        with sandbox_side():
            newest = Payment.objects.filter(merchant_uid=merchant_uid).order_by("-pk").first()
        if newest is None:
            raise LookupError(f"nobody has paid {merchant_uid} yet")
        return newest.imp_uid

    def queued(self) -> list[int]:
        """Numbers of the webhooks that wait at the stand-in, oldest first."""
        from billing_sandbox.models import Delivery

        with sandbox_side():
            waiting = Delivery.objects.filter(state=Delivery.State.QUEUED)
            return list(waiting.order_by("due_at", "pk").values_list("pk", flat=True))

    def receive_webhooks(
        self, times: int, order: str, *, but: Sequence[int] = ()
    ) -> list[HttpResponse]:
        """All that wait (`but` these numbers), so often, in that order; the views' answers."""
        from billing_sandbox.engine import webhook_delivery
        from billing_sandbox.models import Delivery

        if order not in ORDERS or times < 1:
            raise ValueError(f"times is 1 or more, order is one of {', '.join(ORDERS)}")
        if not webhook_url():
            raise AssertionError(NO_WEBHOOK)
        numbers = [number for number in self.queued() if number not in but]
        if order == "reversed":
            numbers.reverse()
        with self.heard(), sandbox_side():
            for _ in range(times - 1):  # copies, so that the panel's list tells the same story
                copies = []
                for number in numbers:
                    row = Delivery.objects.get(pk=number)
                    row.pk = None
                    row.save(force_insert=True)
                    copies.append(row.pk)
                webhook_delivery.deliver(copies)
            webhook_delivery.deliver(numbers)
        return self._answers

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Around a delivery: what a view raises is raised here too. On its way through the stand-in
        it could be taken for a broken connection, or for a mistake of the stand-in's own.
        """
        self._answers, self._raised = [], []
        try:
            yield
        except (Exception, SandboxFailed):
            if not self._raised:
                raise
        if self._raised:
            raise self._raised[0]

    def _client(self) -> Client:
        """A new one for every request, as threads may ask at once; they share the handler, as a
        server's threads do: loading the middleware takes longer than a request.
        """
        client = Client()
        if self._handler is None:
            self._handler = client.handler
            self._handler.load_middleware()
        client.handler = self._handler
        return client


def _sender() -> str:
    """An address that may send webhooks, where the project lists them."""
    listed = conf.BILLING_WEBHOOK_ADDRESSES
    if conf.IAMPORT_MODE != "live" or not listed:
        return "127.0.0.1"
    return str(parse_network(listed[0])[0])
