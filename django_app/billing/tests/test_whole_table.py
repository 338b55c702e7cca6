"""A verb acts on the whole table. On a related manager, or on another database, it would only look
as if it were held to those rows: it raises, before anything is read or asked.
"""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing.db.managers import WholeTableManager
from billing.models import Point, PointTransaction

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(databases=["default", "sandbox"]),
]

VERBS = {
    Point: {"count_attempt", "balance_of", "spend", "refund_spend", "adjust"},
    PointTransaction: {
        "start",
        "new_merchant_uid",
        "sync",
        "sync_order",
        "apply",
        "cancel",
        "finish",
        "look_after_cancel",
        "send_mismatch_refund",
        "decide_refund",
        "close_account",
        "claim_unmatched_payment",
        "resolve",
    },
}
PAIRS = [(model, verb) for model, verbs in VERBS.items() for verb in sorted(verbs)]


def call(manager: Any, verb: str) -> Any:
    """The verb, with something for each of its arguments: they may not be looked at."""
    method = getattr(manager, verb)
    parameters = inspect.signature(method).parameters.values()
    needed = [each for each in parameters if each.default is each.empty]
    args = [None for each in needed if each.kind is each.POSITIONAL_OR_KEYWORD]
    kwargs = {each.name: None for each in needed if each.kind is each.KEYWORD_ONLY}
    return method(*args, **kwargs)


def test_every_verb_is_named_here() -> None:
    for model, verbs in VERBS.items():
        manager = type(model._default_manager)
        assert issubclass(manager, WholeTableManager)
        assert verbs == {name for name in vars(manager) if not name.startswith("_")}


@pytest.mark.parametrize("verb", sorted(VERBS[PointTransaction]))
def test_a_verb_on_a_related_manager_raises(user: Any, verb: str) -> None:
    point = Point.objects.create(user=user)
    raises = pytest.raises(TypeError, match=r"call it on PointTransaction\.objects")
    with CaptureQueriesContext(connection) as queries, raises:
        call(point.transactions, verb)
    assert len(queries) == 0


@pytest.mark.parametrize(("model", "verb"), PAIRS)
def test_a_verb_on_another_database_raises(model: Any, verb: str) -> None:
    raises = pytest.raises(TypeError, match="this acts on the whole table")
    with CaptureQueriesContext(connection) as queries, raises:
        call(model.objects.db_manager("sandbox"), verb)
    assert len(queries) == 0


def test_the_database_of_writing_may_be_named(user: Any) -> None:
    assert Point.objects.db_manager("default").balance_of(user) == 0
