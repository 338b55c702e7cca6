"""Mail in tests: at once, so that it is there when a test looks, and none comes after the test."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from django.db import connections

from billing.db.database_state import billing_alias
from billing.notifications import mail_queue
from billing.testing.sides import uncounted

logger = logging.getLogger(__name__)


@contextmanager
def mail_at_once() -> Iterator[None]:
    """Inside the block billing's mail is written and sent in the thread that has a reason for it,
    instead of a thread in the background, whose database connection sees nothing of a test's
    transaction. Its statements count for nobody; trouble with it is logged, as ever.
    """

    def put(what: str, job: mail_queue.Job) -> bool:
        with uncounted(connections[billing_alias()]):
            try:
                job()
            except Exception as error:  # noqa: BLE001  (as the queue does it)
                logger.warning("mail not sent (%s): %s", type(error).__name__, what)
        return True

    with patch.object(mail_queue, "put", put):
        yield
