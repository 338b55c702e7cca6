"""Is the process alive (healthz), and can it serve (readyz)? For load balancers and supervisors."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers; asks no database."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 if the database answers and is migrated, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM billing_installation")
            stamped = cursor.fetchone()[0]
    except DatabaseError:
        return HttpResponse("the database does not answer or is not migrated\n", content_type="text/plain", status=503)
    if not stamped:
        return HttpResponse("the database is not migrated\n", content_type="text/plain", status=503)
    return HttpResponse("ok\n", content_type="text/plain")
