"""Is the process alive (healthz), and can it serve (readyz)? For load balancers and supervisors."""

import logging
import secrets

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

logger = logging.getLogger(__name__)

PROBE_SECONDS = 10  # how long the cache is asked to keep the probe


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers; asks no database."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 if the database answers and is migrated and the cache keeps what it is given, else 503
    and a word which of them fails.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM billing_installation")
            stamped = cursor.fetchone()[0]
    except DatabaseError:
        return HttpResponse(
            "the database does not answer or is not migrated\n",
            content_type="text/plain",
            status=503,
        )
    if not stamped:
        return HttpResponse("the database is not migrated\n", content_type="text/plain", status=503)
    if not _cache_keeps():
        return HttpResponse(
            "the cache does not keep what it is given\n", content_type="text/plain", status=503
        )
    return HttpResponse("ok\n", content_type="text/plain")


def _cache_keeps() -> bool:
    """Write a random value under a key of its own, read it back and take it away. Every backend has
    its own errors.
    """
    key, value = f"readyz-{secrets.token_hex(8)}", secrets.token_hex(8)
    try:
        cache.set(key, value, timeout=PROBE_SECONDS)
        kept: bool = cache.get(key) == value
        cache.delete(key)
    except Exception as error:  # noqa: BLE001
        logger.warning("the cache does not answer: %s", type(error).__name__)
        return False
    return kept
