"""Who may try a password now, asked before one is hashed. A line that is known for a name is never
shut out of it by others.

axes stands before this and holds one name from one line (10 wrong passwords in 10 minutes). Here
one line is held over all names, and one name over all lines. The second must not become a weapon:
who logged in as this member from a line within KNOWN_DAYS goes on from there.
"""

from __future__ import annotations

import time
import unicodedata
from typing import Any

from axes.utils import reset as reset_attempts
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import connections, router
from django.http import HttpRequest

from accounts import throttle
from accounts.models import KnownLine
from accounts.throttle import LOGIN_OF_LINE, LOGIN_OF_NAME, UNKNOWN

KNOWN_DAYS = 90
DAY = 24 * 3600  # seconds


class LoginThrottle:
    """An authentication backend that knows nobody, and stops who tried too often. Behind axes',
    before the one that hashes.
    """

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> None:
        """None where the next backend may look. Raises PermissionDenied where it may not:
        `login_wait` of the request has the seconds.
        """
        name = kwargs.get(get_user_model().USERNAME_FIELD) if username is None else username
        if request is None or name is None or throttle.is_own_machine(request):
            return
        wait = _refused_for(request, name)
        if wait:
            request.login_wait = wait  # type: ignore[attr-defined]
            # axes then counts nothing and answers with its lockout page
            request.axes_locked_out = True  # type: ignore[attr-defined]
            raise PermissionDenied


def same_name(name: str) -> str:
    """Names that a form or a database might take for one, as one. For counting only: they may still
    be two members ("boß", "boss").
    """
    return unicodedata.normalize("NFKC", name).strip().casefold()


def is_known(name: str, line: str) -> bool:
    """Whether the member whom this very name lets in logged in from this line within KNOWN_DAYS.
    Two statements, for nobody's name too.

    The member is asked for, not the spelling: else who signs up under a look-alike would be known
    for the other name.
    """
    try:
        member = get_user_model()._default_manager.get_by_natural_key(name).pk
    except get_user_model().DoesNotExist:
        member = None  # asked all the same: how long a refusal takes tells nobody which names exist
    return KnownLine.objects.filter(
        pk=throttle.digest("known", member, line), seen_at__gt=int(time.time()) - KNOWN_DAYS * DAY
    ).exists()


def on_logged_in(
    sender: Any, request: HttpRequest | None = None, user: Any = None, **kwargs: Any
) -> None:
    """The attempt was none, and this line is known from now on. UNKNOWN is nobody's line."""
    taken = getattr(request, "login_taken", ())
    if taken:
        throttle.refund_spend(*taken)
    if request is not None and "REMOTE_ADDR" in request.META:
        know(request, user)


def know(request: HttpRequest, user: Any) -> None:
    """This request proved to be this user's, so its line is known for them from now on."""
    line = throttle.line(request)
    if line != UNKNOWN:
        remember(user.pk, line)


def remember(member: object, line: str) -> None:
    """This line is known for this member (their primary key) for KNOWN_DAYS from now. One
    statement; again: the days begin anew.
    """
    connection = connections[router.db_for_write(KnownLine)]
    table = connection.ops.quote_name(KnownLine._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (key, seen_at) VALUES (%s, %s) "  # noqa: S608
            "ON CONFLICT (key) DO UPDATE SET seen_at = excluded.seen_at",
            [throttle.digest("known", member, line), int(time.time())],
        )


def forget(user: Any) -> None:
    """A member leaves (BILLING_ANONYMIZE_USER): failed logins are kept under the name. Twice:
    nothing changes.
    """
    reset_attempts(username=user.get_username())


def prune() -> int:
    """Delete lines that were not seen for KNOWN_DAYS; how many."""
    return KnownLine.objects.filter(seen_at__lte=int(time.time()) - KNOWN_DAYS * DAY).delete()[0]


def _refused_for(request: HttpRequest, name: str) -> int:
    """Seconds to wait, 0 for none. What was taken is left on the request, to be given back by a
    right password.
    """
    line = throttle.line(request)
    taken: list[tuple[throttle.Limit, object]] = []
    known: bool | None = None
    for limit, who in ((LOGIN_OF_LINE, line), (LOGIN_OF_NAME, same_name(name))):
        wait = throttle.take(limit, who)
        if not wait:
            taken.append((limit, who))
            continue
        if known is None:
            known = is_known(name, line)
        if not known:
            return wait
    request.login_taken = taken  # type: ignore[attr-defined]
    return 0
