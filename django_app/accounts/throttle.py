"""How often somebody may try, counted in rows of the default database: exact under threads and
processes, and nothing a visitor can flush.

A window begins with the first attempt and lasts its seconds; what is refused within it neither
counts nor prolongs it.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from django.db import connections, router
from django.db.models import F
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from accounts.models import AttemptCounter
from billing.conf import conf
from billing.support.client_ip import client_ip, rate_limit_key

UNKNOWN = "unknown"  # the line of a request without an address that can be read
# new rows, on average: between two nights, too, the table stays as small as what is counted now
PRUNE_EVERY = 500


@dataclass(frozen=True)
class Limit:
    """At most `at_most` attempts of `action` in `seconds`."""

    action: str
    at_most: int
    seconds: int


LOGIN_OF_LINE = Limit("login-line", 30, 600)  # wrong passwords of one line, over all names
LOGIN_OF_NAME = Limit("login-name", 50, 600)  # wrong passwords for one name, over all lines
SIGNUP = Limit("signup", 30, 3600)  # of one line: a school or an office shares one
RESET = Limit("reset", 10, 3600)  # mails that one line may ask for
OLD_PASSWORD = Limit("old-password", 10, 600)  # wrong ones of one member who is logged in


def line(request: HttpRequest) -> str:
    """The line a request comes from: an IPv4 address, an IPv6 /64, or UNKNOWN, which all who cannot
    be told apart share.
    """
    return rate_limit_key(client_ip(request))


def is_own_machine(request: HttpRequest) -> bool:
    """Whether this is sandbox mode, where only this machine is served. In live mode loopback counts
    as any other line.
    """
    return conf.IAMPORT_MODE == "sandbox" and line(request) in {
        "127.0.0.1",
        rate_limit_key("::1"),
    }


def axes_address(request: HttpRequest) -> str | None:
    """What django-axes counts by: the line, as its first address, because the column takes no
    network. None where it is UNKNOWN.
    """
    found = line(request)
    return None if found == UNKNOWN else found.partition("/")[0]


def digest(*parts: object) -> str:
    """A keyed hash of `parts`, by which a row is found and from which nothing is read back."""
    return salted_hmac(
        "accounts.throttle", "\0".join(map(str, parts)), algorithm="sha256"
    ).hexdigest()


def take(limit: Limit, who: object) -> int:
    """Count one attempt of `who`: 0 if it may go on, else the seconds after which to try again. One
    statement if it may, two if not.

    Counting and asking are one statement, so that of many at once exactly `limit.at_most` go on.
    """
    now, key = int(time.time()), digest(limit.action, who)
    using = router.db_for_write(AttemptCounter)
    connection = connections[using]
    table = connection.ops.quote_name(AttemptCounter._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} AS kept (key, started_at, expires_at, count) "  # noqa: S608
            "VALUES (%s, %s, %s, 1) "
            "ON CONFLICT (key) DO UPDATE SET "
            "count = CASE WHEN kept.expires_at <= %s THEN 1 ELSE kept.count + 1 END, "
            "started_at = CASE WHEN kept.expires_at <= %s THEN excluded.started_at ELSE "
            "kept.started_at END, "
            "expires_at = CASE WHEN kept.expires_at <= %s THEN excluded.expires_at ELSE "
            "kept.expires_at END "
            "WHERE kept.expires_at <= %s OR kept.count < %s RETURNING count",
            [key, now, now + limit.seconds, now, now, now, now, limit.at_most],
        )
        row = cursor.fetchone()
    if row is None:
        expires = (
            AttemptCounter.objects.using(using)
            .filter(pk=key)
            .values_list("expires_at", flat=True)
            .first()
        )
        return max(1, (expires or now) - now)
    if row[0] == 1 and random.randrange(PRUNE_EVERY) == 0:
        prune()
    return 0


def refund_spend(*taken: tuple[Limit, object]) -> None:
    """An attempt that was taken was none: the password was right. One statement for all of them."""
    keys = [digest(limit.action, who) for limit, who in taken]
    AttemptCounter.objects.filter(pk__in=keys, count__gt=0).update(count=F("count") - 1)


def prune() -> int:
    """Delete counters whose window is over; how many."""
    return AttemptCounter.objects.filter(expires_at__lte=int(time.time())).delete()[0]
