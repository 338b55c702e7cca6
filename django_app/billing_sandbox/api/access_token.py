"""POST users/getToken: an access token for the merchant's key and secret."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from billing_sandbox.api.entry_point import api_view
from billing_sandbox.engine import clock, tokens
from billing_sandbox.envelope import Refusal
from billing_sandbox.parsing import Fields


def _get_token(request: HttpRequest, fields: Fields) -> dict[str, Any]:
    key, secret = fields.get("imp_key"), fields.get("imp_secret")
    if not (isinstance(key, str) and key and isinstance(secret, str) and secret):
        raise Refusal(400, -1, "imp_key, imp_secret 파라메터가 누락되었습니다.")
    if not tokens.keys_match(key, secret):
        raise Refusal(401, -1, tokens.UNAUTHORIZED)
    token = tokens.issue(key, secret)
    return {"access_token": token.value, "now": clock.now(), "expired_at": token.expired_at}


get_token = api_view(token=False, POST=_get_token)
