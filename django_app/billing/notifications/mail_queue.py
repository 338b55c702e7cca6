"""Mail leaves here, after the answer: nobody waits for a mail server, and no trouble with one
disturbs a payment.

One thread of this process sends, in order. What it could not send is logged and forgotten, and so
is what waits when the process dies: mail is a courtesy, the pages tell the same. A process that
ends in peace is given LAST_SECONDS to send the rest.
"""

from __future__ import annotations

import atexit
import logging
import os
import queue
import threading
from collections.abc import Callable

from django.db import connections

logger = logging.getLogger(__name__)

MOST_WAITING = 500  # mails; beyond, new ones are not sent
RESTS_AFTER = 0.5  # seconds without mail
LAST_SECONDS = 20  # below gunicorn's grace of 30

Job = Callable[[], object]


class MailQueue:
    def __init__(self) -> None:
        self._waiting: queue.Queue[tuple[str, Job]] = queue.Queue(MOST_WAITING)
        self._starting = threading.Lock()
        self._sender: threading.Thread | None = None

    def put(self, what: str, job: Job) -> bool:
        try:
            self._waiting.put_nowait((what, job))
        except queue.Full:
            logger.warning("too much mail waits; not sent: %s", what)
            return False
        with self._starting:
            if self._sender is None or not self._sender.is_alive():
                self._sender = threading.Thread(
                    target=self._send_all, name="billing-mail-queue", daemon=True
                )
                self._sender.start()
        return True

    def _next(self) -> tuple[str, Job]:
        """The next one. This thread may rest for days: its own connections are closed when it
        begins to, not after each mail.
        """
        try:
            return self._waiting.get(timeout=RESTS_AFTER)
        except queue.Empty:
            connections.close_all()
            return self._waiting.get()

    def _send_all(self) -> None:
        while True:
            what, job = self._next()
            try:
                job()
            except Exception as error:  # noqa: BLE001  (a mail server has many ways to fail; its words may hold addresses)
                logger.warning("mail not sent (%s): %s", type(error).__name__, what)
                connections.close_all()  # one of them may be what is broken
            finally:
                self._waiting.task_done()

    def empty(self, seconds: float) -> bool:
        with self._waiting.all_tasks_done:
            return self._waiting.all_tasks_done.wait_for(
                lambda: not self._waiting.unfinished_tasks, seconds
            )


_mail_queue = MailQueue()


def put(what: str, job: Job) -> bool:
    """Run `job` soon, in another thread; at once returns whether it was taken. what: for the log,
    so no name, address or secret.
    """
    return _mail_queue.put(what, job)


def wait(seconds: float) -> bool:
    """Whether all that was put has been done within `seconds`."""
    return _mail_queue.empty(seconds)


def _after_fork() -> None:
    """A child process has no thread of its parent, and what waited there is the parent's to
    send.
    """
    global _mail_queue
    _mail_queue = MailQueue()


if hasattr(os, "register_at_fork"):  # not where nothing forks
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(wait, LAST_SECONDS)
