"""Results of identity checks (IMP.certification): asked for and removed by imp_uid."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from billing_sandbox import parsing
from billing_sandbox.api.entry_point import api_view
from billing_sandbox.envelope import Refusal
from billing_sandbox.models import Certification
from billing_sandbox.parsing import Fields

NOT_FOUND = "인증결과가 존재하지 않습니다."  # seen in the official client's tests


def certification_json(row: Certification) -> dict[str, Any]:
    """`row` as V1 answers it."""
    return {
        "birthday": row.birthday,
        "carrier": row.carrier,
        "certified": True,
        "certified_at": row.certified_at,
        "foreigner": row.foreigner,
        "foreigner_v2": row.foreigner,
        "gender": row.gender,
        "imp_uid": row.imp_uid,
        "merchant_uid": row.merchant_uid or None,
        "name": row.name,
        "origin": row.origin or None,
        "pg_provider": row.pg_provider,
        "pg_tid": row.pg_tid,
        "phone": row.phone,
        "unique_in_site": row.unique_in_site,
        "unique_key": row.unique_key,
    }


def _find(imp_uid: str) -> Certification:
    row = (
        Certification.objects.filter(imp_uid=imp_uid).first()
        if parsing.is_imp_uid(imp_uid)
        else None
    )
    if row is None:
        raise Refusal(404, -1, NOT_FOUND)
    return row


def _get(request: HttpRequest, fields: Fields, imp_uid: str) -> dict[str, Any]:
    return certification_json(_find(imp_uid))


def _remove(request: HttpRequest, fields: Fields, imp_uid: str) -> dict[str, Any]:
    """Forget the person; the answer shows them for the last time."""
    row = _find(imp_uid)
    answer = certification_json(row)
    row.delete()
    return answer


certification = api_view(GET=_get, DELETE=_remove)
