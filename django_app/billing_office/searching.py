"""What somebody typed into a search field: recognised, and looked up exactly, each on its index.
Nothing is searched by parts of words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db.models import F, Q, QuerySet, Value
from django.http import QueryDict
from django.utils.translation import gettext as _

from billing.models import PointCancellation, PointTransaction
from billing_office.formatting import won
from billing_office.listing import SearchResult

MOST_MATCHES = 200  # rows or members that one thing typed may stand for
_AMOUNT = re.compile(
    r"[₩￦]?\s*([1-9][0-9]{0,2}(?:,[0-9]{3})+|[1-9][0-9]{0,12})\s*(원|won|krw)?", re.IGNORECASE
)


def amount(typed: str) -> tuple[int, bool] | None:
    """(won, whether it can be nothing else): 10000, 10,000, 10,000원, ₩10,000."""
    match = _AMOUNT.fullmatch(typed)
    if not match:
        return None
    number, unit = match.groups()
    return int(number.replace(",", "")), bool(unit) or "," in number or typed[0] in "₩￦"


def members(typed: str) -> list[Any]:
    """Keys of the users whose login name or e-mail address is exactly this: one statement."""
    users = get_user_model()
    plain = users._default_manager.order_by().values_list("pk", flat=True)
    users_found = plain.filter(**{users.USERNAME_FIELD: typed})
    try:
        field = users._meta.get_field(users.get_email_field_name()).name
    except FieldDoesNotExist:
        field = ""
    if field and "@" in typed and field != users.USERNAME_FIELD:
        # Domains are stored in small letters (UserManager.normalize_email).
        name, _at, domain = typed.rpartition("@")
        users_found = users_found.union(
            plain.filter(**{f"{field}__in": {typed, f"{name}@{domain.lower()}"}}), all=True
        )
    return list(
        dict.fromkeys(users_found[:MOST_MATCHES])
    )  # a login name may be the e-mail address too


def payments(typed: str) -> list[tuple[int, str]]:
    """(key, how it was recognised) of the transactions that carry this id or number: one statement,
    each part on its index.
    """
    small = {typed, typed.lower()}
    rows = PointTransaction.objects.order_by()
    returns = PointCancellation.objects.order_by().filter(
        kind=PointCancellation.Kind.MISMATCH_REFUND, imp_uid=typed
    )
    parts: list[QuerySet[Any]] = [
        _keys_of(rows.filter(merchant_uid__in=small), "merchant_uid"),
        _keys_of(rows.filter(imp_uid__in=small), "imp_uid"),
        _keys_of(rows.filter(pg_tid=typed).exclude(pg_tid=""), "pg_tid"),
        _keys_of(rows.filter(apply_num=typed).exclude(apply_num=""), "apply_num"),
        returns.annotate(how=Value("returned"), row=F("txn_id")).values_list("row", "how"),
    ]
    first, *more = parts
    return list(first.union(*more, all=True)[:MOST_MATCHES])


def _keys_of(rows: QuerySet[Any], how: str) -> QuerySet[Any]:
    keys: QuerySet[Any] = rows.annotate(how=Value(how), row=F("pk")).values_list("row", "how")
    return keys


def recognised(hows: Iterable[str]) -> str:
    """How an id was recognised, in words."""
    words = {
        "merchant_uid": _("Order number (merchant_uid)"),
        "imp_uid": _("Payment number (imp_uid)"),
        "pg_tid": _("Transaction number of the PG"),
        "apply_num": _("Approval number"),
        "returned": _("Payment number of wrong money (imp_uid)"),
    }
    return ", ".join(words[how] for how in dict.fromkeys(hows))


def transactions(typed: str, data: QueryDict) -> SearchResult:
    """Transactions by whatever was typed: two statements.

    An id goes before a member's name, and both before an amount, because digits alone may be all of
    them; the other reading is offered.
    """
    as_amount = amount(typed)
    if as_amount and (as_amount[1] or data.get("as") == "amount"):
        return _by_amount(as_amount[0])
    result = related(typed, rows="pk", owner="owner")
    if as_amount and not result.recognised_as:
        return _by_amount(as_amount[0])
    if not as_amount:
        return result
    address = data.copy()
    address["as"] = "amount"
    return replace(
        result,
        alternative=(
            _("Search for the amount %(amount)s") % {"amount": won(as_amount[0])},
            f"?{address.urlencode()}",
        ),
    )


def related(typed: str, *, rows: str, owner: str) -> SearchResult:
    """Rows that hang on a transaction (`rows`: the way to it) or a member (`owner`), by an id of
    the payment or the member's name.
    """
    if ids := payments(typed):
        return SearchResult(
            Q(**{f"{rows}__in": {key for key, _how in ids}}), recognised(how for _key, how in ids)
        )
    if users := members(typed):
        return SearchResult(Q(**{f"{owner}__in": users}), _("Member"))
    return SearchResult(Q(pk__in=[]))


def _by_amount(number: int) -> SearchResult:
    return SearchResult(Q(amount=number), _("Amount: %(amount)s") % {"amount": won(number)})
