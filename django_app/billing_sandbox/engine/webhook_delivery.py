"""Hands out queued webhooks. No database transaction is open while one is under way: it would block
the gateway's own answers.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import requests
import urllib3
from django.conf import settings
from django.db import connections
from django.db.models import F
from urllib3.util import parse_url

from billing_sandbox.conf import conf
from billing_sandbox.database import alias
from billing_sandbox.engine import clock, webhook_queue
from billing_sandbox.middleware import is_loopback
from billing_sandbox.models import Delivery
from billing_sandbox.redaction import printable

TIMEOUT = (10, 30)  # seconds to connect, to read: V1's own for a first attempt (documented)
# Seconds in all, for a resend by hand (documented) and, unknown but likely, for a retry.
RESEND_TIMEOUT = 15
_KEPT_BYTES = 2000  # bytes of the answer
MAX_PARALLEL = 4  # deliveries under way in one process
LOST_AFTER = 60  # seconds; longer than any attempt lasts
LOST = "The sandbox was stopped while this was under way."


def deliver_due() -> int:
    """Send what is due, oldest first. Returns how many were sent by this caller."""
    _fail_lost()
    due = Delivery.objects.filter(state=Delivery.State.QUEUED, due_at__lte=clock.now())
    keys = list(due.order_by("due_at", "pk").values_list("pk", flat=True))
    if len(keys) < 2 or not conf.worker:
        return len(deliver(keys))
    with ThreadPoolExecutor(MAX_PARALLEL) as pool:  # a slow receiver does not hold up the others
        return sum(pool.map(_send_in_thread, keys))


def deliver_now(format: str | None = None) -> list[Delivery]:
    """Send all that is queued at this moment, due or not, in the caller's thread.

    format: `json` or `form` for these deliveries (a choice in the vendor's console). Returns the
    deliveries with their answers.
    """
    queued = Delivery.objects.filter(state=Delivery.State.QUEUED)
    if format is not None:
        queued.update(format=format)
    return deliver(queued.order_by("due_at", "pk").values_list("pk", flat=True))


def deliver(keys: Iterable[int]) -> list[Delivery]:
    """Send these, in this order and in the caller's thread, due or not. Those that are not queued
    (any more) are passed over. Returns the others with their answers.
    """
    sent = []
    for key in list(keys):
        if _claim(key):
            delivery = Delivery.objects.get(pk=key)
            _send(delivery)
            sent.append(delivery)
    return sent


def _send_in_thread(key: int) -> int:
    """One delivery in a thread of its own, with a connection of its own."""
    try:
        return len(deliver([key]))
    finally:
        connections[alias()].close()


def _fail_lost() -> None:
    """A process that ended in the middle of a delivery leaves it "being sent": after a minute of
    real time that is a network error.
    """
    lost = Delivery.objects.filter(
        state=Delivery.State.SENDING, claimed_at__lt=int(time.time()) - LOST_AFTER
    )
    for delivery in lost:
        if Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.SENDING).update(
            state=Delivery.State.FAILED, answer_text=LOST, delivered_at=clock.now()
        ):
            webhook_queue.queue_retry(delivery)


def _claim(key: int) -> bool:
    """Whether this caller may send it: of two processes, one changes the row."""
    claimed = Delivery.objects.filter(pk=key, state=Delivery.State.QUEUED).update(
        state=Delivery.State.SENDING, tries=F("tries") + 1, claimed_at=int(time.time())
    )
    return claimed == 1


def _send(delivery: Delivery) -> None:
    """One attempt; redirects are not followed. Anything but 200 counts as not delivered, and
    network errors and 5xx may be tried again.
    """
    refused = ""
    try:
        _check_address(delivery.url)
        delivery.answer_status, delivery.answer_text = _post(delivery)
    except _AddressNotAllowed as error:
        refused = delivery.answer_text = str(error)
    except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError, OSError) as error:
        delivery.answer_text = printable(f"{type(error).__name__}: {error}")[:_KEPT_BYTES]
    delivery.state = (
        Delivery.State.DELIVERED if delivery.answer_status == 200 else Delivery.State.FAILED
    )
    delivery.delivered_at = clock.now()
    # not save(): a reset may have removed the row meanwhile
    kept = Delivery.objects.filter(pk=delivery.pk).update(
        state=delivery.state,
        answer_status=delivery.answer_status,
        answer_text=delivery.answer_text,
        delivered_at=delivery.delivered_at,
    )
    if kept and not refused and (delivery.answer_status is None or delivery.answer_status >= 500):
        webhook_queue.queue_retry(delivery)


class _AddressNotAllowed(ValueError):
    """An address that the sandbox does not send to."""


def _check_address(url: str) -> None:
    if conf.webhook_anywhere:
        return
    try:
        host = parse_url(url).host or ""  # by the parser that will open the connection
    except ValueError:
        host = ""
    if not _is_local(host.strip("[]")):
        raise _AddressNotAllowed("The sandbox delivers to this machine only.")


def _post(delivery: Delivery) -> tuple[int, str]:
    if delivery.format == Delivery.Format.FORM:
        body, content_type = urlencode(delivery.body), "application/x-www-form-urlencoded"
    else:
        body, content_type = json.dumps(delivery.body), "application/json"
    with requests.Session() as session:
        session.trust_env = False  # no proxy between this machine and itself
        headers = {"Content-Type": content_type, "User-Agent": "iamport-sandbox"}
        # requests hands a Timeout of urllib3 on as it is; its types do not say so.
        timeout: Any = urllib3.Timeout(total=RESEND_TIMEOUT) if delivery.resend else TIMEOUT
        with session.post(
            delivery.url,
            data=body.encode(),
            headers=headers,
            timeout=timeout,
            allow_redirects=False,
            stream=True,
        ) as response:
            start = next(response.iter_content(_KEPT_BYTES), b"")
            return response.status_code, printable(start.decode("utf-8", "replace"))


def _is_local(host: str) -> bool:
    """Loopback names and addresses; `testserver` too where Django's test runner has let it in."""
    if host == "localhost" or host.endswith(".localhost") or is_loopback(host):
        return True
    return host == "testserver" and host in settings.ALLOWED_HOSTS
