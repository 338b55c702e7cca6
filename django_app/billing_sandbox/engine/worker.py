"""The thread that hands out webhooks in the background: one for each process, started when it is
first needed.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

from django.db import connections

from billing_sandbox.conf import conf
from billing_sandbox.database import alias
from billing_sandbox.engine import due_jobs, webhook_delivery, webhook_queue
from billing_sandbox.models import Delivery

logger = logging.getLogger(__name__)

BUSY_WAIT = 1.0  # seconds between looks while something is queued for later
IDLE_WAIT = 10.0  # seconds between looks else: another process may have queued and died

_lock = threading.Lock()
_wake = threading.Event()
_owner = 0  # the process whose thread runs; a forked child must start its own


def ensure_running() -> None:
    """Start this process's thread unless it runs or the setting forbids it. Called by every request
    to the gateway.
    """
    global _owner
    if _owner == os.getpid() or not conf.worker:
        return
    with _lock:
        if _owner != os.getpid():
            _owner = os.getpid()
            threading.Thread(target=_run, name="sandbox-webhooks", daemon=True).start()


def wake() -> None:
    """Something was queued."""
    ensure_running()
    _wake.set()


def _run() -> None:
    while True:
        _wake.clear()
        wait = run_once()
        _wake.wait(wait)


def run_once() -> float:
    """Send what is due; returns the seconds to wait. Trouble is logged and never ends the thread;
    the connection is given back.
    """
    try:
        due_jobs.run_due_jobs()
        webhook_delivery.deliver_due()
        waiting = Delivery.objects.filter(state=Delivery.State.QUEUED).exists()
        return BUSY_WAIT if waiting else IDLE_WAIT
    except Exception:
        logger.exception("the sandbox could not hand out its webhooks; it will try again")
        return BUSY_WAIT
    finally:
        connections[alias()].close()


def _on_queued(**kwargs: Any) -> None:
    wake()


webhook_queue.queued.connect(_on_queued, dispatch_uid="sandbox-worker")
