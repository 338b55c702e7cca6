"""One view: the statements by Django's cursor, and nothing around them."""

from __future__ import annotations

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path

from peers.floor.statements import two_commits


def charge(request: HttpRequest) -> HttpResponse:
    """Credit whoever the body names."""
    with connection.cursor() as cursor:
        two_commits(cursor, transaction.atomic, request.body)
    return HttpResponse("ok\n", content_type="text/plain")


urlpatterns = [path("charge/", charge)]
