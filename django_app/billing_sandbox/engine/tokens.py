"""Access tokens: 30 minutes, handed out again until they expire (reference, getToken)."""

from __future__ import annotations

import hashlib
import secrets

from django.db import connections
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare

from billing_sandbox.conf import conf
from billing_sandbox.database import alias, exclusive
from billing_sandbox.engine import clock
from billing_sandbox.envelope import Refusal
from billing_sandbox.models import Token

LIFETIME = 30 * 60  # seconds
EXTEND_BELOW = 60  # seconds: asked for with less left, a token …
EXTENSION = 5 * 60  # … gets these seconds more
UNAUTHORIZED = "Unauthorized"


def issue(key: str, secret: str) -> Token:
    """The pair's running token with its old expiry, moved by five minutes if less than one is left;
    a new one after expiry.
    """
    now = clock.now()
    owner = hashlib.sha256(f"{key}\n{secret}".encode("utf-8", "surrogatepass")).hexdigest()
    with exclusive():
        token = (
            Token.objects.filter(owner=owner, expired_at__gt=now).order_by("-expired_at").first()
        )
        if token is None:
            return Token.objects.create(
                owner=owner, value=secrets.token_hex(20), expired_at=now + LIFETIME
            )
        if token.expired_at - now < EXTEND_BELOW:
            token.expired_at += EXTENSION
            token.save(update_fields=["expired_at"])
        return token


def expire_all() -> int:
    """End every running token now. Returns how many ran."""
    return Token.objects.filter(expired_at__gt=clock.now()).update(expired_at=clock.now())


def keys_match(key: str, secret: str) -> bool:
    """Whether these are the merchant's REST API key and secret. Without both in the settings any
    pair is.
    """
    if not (conf.key and conf.secret):
        return True
    try:
        return constant_time_compare(f"{key}\n{secret}", f"{conf.key}\n{conf.secret}")
    except UnicodeEncodeError:  # a lone surrogate is in no key
        return False


def token_of_request(request: HttpRequest) -> str:
    """The token of a request: `Authorization`, with or without Bearer, wins over the old
    X-ImpTokenHeader.
    """
    authorization = request.headers.get("Authorization", "").strip()
    if authorization:
        return (
            authorization[7:].strip() if authorization[:7].lower() == "bearer " else authorization
        )
    return request.headers.get("X-ImpTokenHeader", "").strip()


def require_token(request: HttpRequest) -> None:
    """Raise the gateway's 401 unless the request carries a running token."""
    token = token_of_request(request)
    if not token or len(token) > 40 or not _is_valid(token):
        raise Refusal(401, -1, UNAUTHORIZED)


def _is_valid(token: str) -> bool:
    """Plain SQL, because every call asks for it."""
    try:
        with connections[alias()].cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM sandbox_token WHERE value = %s AND expired_at > %s",
                [token, clock.now()],
            )
            return cursor.fetchone() is not None
    except UnicodeEncodeError:  # a lone surrogate is in no token
        return False
