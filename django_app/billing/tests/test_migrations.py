"""From filled databases of the version before: names that Python alone has, sentences that become
codes. Whatever was stored is still there, and the first reconcile finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.utils import IntegrityError

from billing.models import (
    Point,
    PointCancellation,
    PointEntry,
    PointTransaction,
    TransactionNote,
    WebhookEvent,
)
from billing.note_codes import ErrorCode
from billing.reconciliation import reconcile
from billing.states import RefundChoice
from billing.testing import SandboxGateway
from billing.tests.support.aging import let_pass
from billing.tests.support.notes import notes_of

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

BEFORE, NOW = "0006_unmatched_payment", "0011_deliveries_counted"
rows = PointTransaction.objects

# How the version before wrote what is a code now.
WHY = {
    "setting": "returns are left to staff here",
    "not_whole_won": "it is not whole won",
    "account_needed": "a refund account is needed",
    "accepted_too_long": "accepted more than 7 days ago, and not done",
    "part_cancelled": "the gateway has cancelled a part, and nobody knows whose part it is",
    "maybe_registered": "sent, and nobody knows whether it was registered",
    "no_answer": "sent {tries} times without an answer",
    "tried": "tried {tries} times",
    "rejected": "refused {tries} times: {detail}",
}
WRONG = "{imp_uid} paid {paid} {currency}{channel}; the row asks for {asked} KRW once"
LINES = {
    **dict.fromkeys(
        ("wrong_amount", "wrong_currency", "test_channel", "second_payment", "money_after_cancel"),
        WRONG,
    ),
    "refund_by_staff": "{imp_uid}: {why}, so staff send it back",
    "return_stuck": "{imp_uid}: sending the wrong money back: {why}",
    "cancel_unclear": "{imp_uid}: the cancel of {amount} won: {why}",
    "closed_account": "{imp_uid} is cancelled at the gateway, with nothing paid back",
    "account_closed": "{imp_uid} is cancelled at the gateway, with nothing paid back: "
    "account closed by {by}",
    "account_close_requested": "{imp_uid}: closing of the account asked for by {by}",
    "card_registration": "{imp_uid} registered a card and is {status}: no money to us; see at the "
    "gateway whether it was charged",
    "negative_balance": "{imp_uid}: {points} points were cancelled, the balance is {balance}",
    "member_left": "{imp_uid}: {points} points were credited to a member who has left",
    "sent_again": "{imp_uid}: {kind} #{number} sent again by {by}",
    "left_waiting": "{imp_uid}: {kind} #{number} left waiting by {by}",
    "given_up": "{imp_uid}: {kind} #{number} given up by {by}",
    "claimed": "adopted for {member} by {by}",
    "resolved": "resolved by {by}: {reason}",
    "legacy": "{text}",
}


def line_of(code: str, params: dict[str, Any], by: str) -> str:
    values = {
        **params,
        "by": by,
        "channel": " through a test channel" if params.get("test") else "",
    }
    if "why" in params:
        values["why"] = WHY[params["why"]].format(**params)
    return LINES[code].format(**values)


def error_of(one: PointCancellation) -> str:
    said = {
        ErrorCode.GATEWAY_UNREACHABLE: "the gateway answered {detail}"
        if one.error.startswith("HTTP")
        else "the gateway gave no answer ({detail})",
        ErrorCode.GIVEN_UP: "given up by {detail}",
        ErrorCode.CANCELLED_AT_CONSOLE: "cancelled in part at the gateway's console meanwhile",
    }
    return (
        said.get(ErrorCode(one.error_code), "{detail}").format(detail=one.error)
        if (one.error_code)
        else ""
    )


@pytest.fixture
def old_schema() -> Iterator[None]:
    """Whatever happens, the next test has the newest tables."""
    yield
    call_command("migrate", "billing", verbosity=0)


def models_of(name: str) -> Any:
    return MigrationLoader(connection).project_state(("billing", name)).apps


def back_to_the_version_before() -> dict[int, list[tuple[str, dict[str, Any], str]]]:
    """The tables and sentences of then; returns the notes that those are to become."""
    notes = {txn.pk: notes_of(txn) for txn in rows.filter(has_notes=True)}
    errors = {one.pk: error_of(one) for one in PointCancellation.objects.all()}
    call_command("migrate", "billing", BEFORE, verbosity=0)
    then = models_of(BEFORE)
    for pk, told in notes.items():
        then.get_model("billing", "PointTransaction").objects.filter(pk=pk).update(
            review_note="\n".join(line_of(*note) for note in told)
        )
    for pk, error in errors.items():
        then.get_model("billing", "PointCancellation").objects.filter(pk=pk).update(error=error)
    return notes


def contents() -> dict[str, list[dict[str, Any]]]:
    """Everything but the columns that are new."""
    found = {}
    for model in apps.get_app_config("billing").get_models():
        names = [str(field.column) for field in model._meta.concrete_fields]
        with connection.cursor() as cursor:
            table = connection.ops.quote_name(model._meta.db_table)
            columns = ", ".join(map(connection.ops.quote_name, names))
            cursor.execute(f"SELECT {columns} FROM {table} ORDER BY 1")
            found[model.__name__] = [
                dict(zip(names, row, strict=True)) for row in cursor.fetchall()
            ]
    return found


@pytest.fixture
def lived(gateway: SandboxGateway, user: Any, make_user: Any, settings: Any) -> None:
    """A little of everything that leaves a note, an error or an entry."""
    staff = make_user("staff")

    def started(amount: int = 10_000, method: str = "card") -> PointTransaction:
        return rows.start(user=user, amount=amount, pay_method=method)

    def fault(**what: Any) -> None:
        gateway.control("faults", path="payments/cancel", **what)

    paid = started()
    rows.sync(gateway.pay(paid.merchant_uid))
    rows.sync(gateway.pay(paid.merchant_uid))  # a second payment, sent back
    Point.objects.spend(user=user, amount=9_500, idempotency_key="order-1")
    imp_uid = str(rows.get(pk=paid.pk).imp_uid)
    gateway.cancel(imp_uid, 5_000)  # below zero
    rows.sync(imp_uid)
    Point.objects.refund_spend(user=user, idempotency_key="order-1")
    Point.objects.adjust(user=user, delta=7, idempotency_key="a-1", reason="why", by=staff)
    wrong = started()
    settings.BILLING_RETURN_WRONG_MONEY = False
    rows.sync(gateway.pay(wrong.merchant_uid, amount=9_000, sandbox=True))
    settings.BILLING_RETURN_WRONG_MONEY = True
    rows.resolve(wrong, by=staff, note="called the member")
    refused = started()
    fault(code=-1, message="한도초과", times=5)
    rows.sync(gateway.pay(refused.merchant_uid, amount=9_000))
    for _ in range(8):
        let_pass(hours=4)
        rows.finish(PointCancellation.objects.get(txn=refused))
    unclear = started(method="kakaopay")
    rows.sync(gateway.pay(unclear.merchant_uid, pay_method="kakaopay", pg_provider="kakaopay"))
    fault(drop=True, times=2)
    open_one = rows.cancel(rows.get(pk=unclear.pk), reason="x", by=staff)
    for _ in range(2):
        let_pass(minutes=16)
        rows.finish(open_one)
    rows.decide_refund(
        PointCancellation.objects.get(pk=open_one.pk), choice=RefundChoice.GIVE_UP, by=staff
    )
    account = started(method="vbank")
    rows.sync(gateway.pay(account.merchant_uid, outcome="vbank", pg_provider="tosspayments"))
    rows.close_account(rows.get(pk=account.pk), by=staff)
    rows.claim_unmatched_payment(gateway.pay("another-shop-1", amount=7_000), user=user, by=staff)
    let_pass(days=1)


def test_what_was_lived_goes_on(lived: None, old_schema: None, gateway: SandboxGateway) -> None:
    reconcile(repair=True)
    before = contents()
    expected = back_to_the_version_before()
    assert sum(map(len, expected.values())) >= 10
    call_command("migrate", "billing", verbosity=0)
    for pk, told in expected.items():
        assert notes_of(rows.get(pk=pk)) == told
    now = contents()
    for name in ("Point", "PointEntry", "PointTransaction", "PointCancellation"):
        assert now[name] == before[name]
    asked = len(gateway.calls)
    report = reconcile(repair=True)
    assert (report.exit_code, report.drift_count, report.troubles) == (0, 0, [])
    assert len(gateway.calls) > asked  # it did look
    assert TransactionNote.objects.count() == sum(map(len, expected.values()))


def test_every_table_can_be_rebuilt_after_the_names_changed(lived: None, old_schema: None) -> None:
    """Checks and indexes that still named a column of before would fail here."""
    back_to_the_version_before()
    call_command("migrate", "billing", verbosity=0)
    before = contents()
    # As a later migration would: with the models as the migrations' state has them.
    for model in models_of(NOW).get_app_config("billing").get_models():
        if connection.vendor == "sqlite":
            with connection.schema_editor() as editor:
                editor._remake_table(model)  # type: ignore[attr-defined]
        else:
            with connection.cursor() as cursor:
                cursor.execute(f"VACUUM FULL {model._meta.db_table}")
    call_command("migrate", "billing", verbosity=0)  # SQLite's triggers went with the table
    assert contents() == before
    entry = PointEntry.objects.filter(kind="spend").get()
    entry.pk = None
    with pytest.raises(IntegrityError):
        PointEntry.objects.bulk_create([entry])
    with pytest.raises(IntegrityError):
        rows.update(pending_cancel_total=-1)


def test_rows_adopted_before_there_was_a_column_are_marked(make_txn: Any, old_schema: None) -> None:
    old, other = make_txn(), make_txn()
    call_command("migrate", "billing", BEFORE, verbosity=0)
    then = models_of(BEFORE)
    before = then.get_model("billing", "PointTransaction").objects
    before.filter(pk=old.pk).update(review_note="adopted for hong by staff\nresolved by staff: ok")
    before.filter(pk=other.pk).update(review_note="imp_1 is not adopted for anybody")
    with connection.schema_editor() as editor:
        import_module("billing.migrations.0004_figures").mark_adopted(then, editor)
    call_command("migrate", "billing", verbosity=0)
    assert set(rows.values_list("pk", "claimed")) == {(old.pk, True), (other.pk, False)}


@pytest.mark.parametrize("code", [code for code in LINES if code != "legacy"])
def test_each_sentence_of_before_is_read(code: str) -> None:
    read = import_module("billing.migrations.0009_notes_from_sentences").note_of
    params: dict[str, Any] = {
        "imp_uid": "imp_1", "paid": "9000", "currency": "KRW", "test": True, "asked": 10_000,
        "why": "no_answer", "tries": 2, "amount": 5_000, "status": "paid", "points": 7,
        "balance": -7, "kind": "return", "number": 3, "member": "hong kim", "reason": "a: b",
    }  # fmt: skip
    names = {
        "wrong": ("imp_uid", "paid", "currency", "test", "asked"),
        "refund_by_staff": ("imp_uid", "why", "tries"),
        "return_stuck": ("imp_uid", "why", "tries"),
        "cancel_unclear": ("imp_uid", "amount", "why", "tries"),
        "card_registration": ("imp_uid", "status"),
        "negative_balance": ("imp_uid", "points", "balance"),
        "member_left": ("imp_uid", "points"),
        "claimed": ("member",),
        "resolved": ("reason",),
        **dict.fromkeys(("sent_again", "left_waiting", "given_up"), ("imp_uid", "kind", "number")),
    }
    wanted = names.get(code, names["wrong"] if LINES[code] == WRONG else ("imp_uid",))
    wanted_params = {name: params[name] for name in wanted}
    by = "staff" if "{by}" in LINES[code] else ""
    found = "wrong_money" if LINES[code] == WRONG else code
    assert read(line_of(code, wanted_params, by)) == (found, wanted_params, by)


@pytest.mark.parametrize(
    "line", ["<b>x</b>", "imp_1 is not adopted for anybody", "called him", ":"]
)
def test_what_people_wrote_stays_as_it_is(line: str) -> None:
    read = import_module("billing.migrations.0009_notes_from_sentences").note_of
    assert read(line) == ("legacy", {"text": line}, "")


def test_a_row_with_notes_is_never_one_without_when_going_back(
    make_txn: Any, old_schema: None
) -> None:
    """The version before asked by its lines whether wrong money goes back already."""
    txn = make_txn()
    params = {"imp_uid": "imp_1", "paid": "9000", "currency": "KRW", "asked": 10_000}
    txn.notes.create(code="wrong_amount", params=params)
    txn.notes.create(code="legacy", params={"text": "as it was written"})
    txn.notes.create(code="resolved", params={"reason": "sent back"}, by_name="boss")
    rows.filter(pk=txn.pk).update(has_notes=True)
    other = make_txn()
    call_command("migrate", "billing", BEFORE, verbosity=0)
    then = models_of(BEFORE).get_model("billing", "PointTransaction").objects
    assert then.get(pk=txn.pk).review_note.splitlines() == [
        "wrong_amount: asked=10000 currency=KRW imp_uid=imp_1 paid=9000",
        "as it was written",
        "resolved: reason=sent back by=boss",
    ]
    assert then.get(pk=other.pk).review_note == ""


# (what was stored before, code, detail)
DELIVERY_ERRORS = [
    ("GatewayUnreachable: the gateway answered HTTP 500", "gateway_unreachable", "HTTP 500"),
    (
        "GatewayUnreachable: the gateway gave no answer (ReadTimeout)",
        "gateway_unreachable",
        "ReadTimeout",
    ),
    ("GatewayRefused: 지금은 안 됩니다", "gateway_rejected", "지금은 안 됩니다"),
    (
        "GatewayNonsense: getToken answered no token",
        "invalid_gateway_response",
        "getToken answered no token",
    ),
    (
        "PaymentNotFound: the gateway does not know it",
        "payment_not_found",
        "the gateway does not know it",
    ),
    ("given up after 7 days: PaymentNotFound: x", "payment_not_found", "x"),
    ("PaymentNotFound: x; others wait already", "payment_not_found", "x"),
    ("asked too often this hour, and others wait already", "asked_too_often", ""),
    ("no such merchant_uid", "unknown_order", ""),
    ("<i>", "legacy", "<i>"),
]


def test_errors_of_deliveries(old_schema: None) -> None:
    events = [
        WebhookEvent.objects.create(imp_uid=f"imp_{index}", merchant_uid="m-1")
        for index in range(len(DELIVERY_ERRORS))
    ]
    call_command("migrate", "billing", BEFORE, verbosity=0)
    then = models_of(BEFORE).get_model("billing", "WebhookEvent").objects
    for event, (error, _code, _detail) in zip(events, DELIVERY_ERRORS, strict=True):
        then.filter(pk=event.pk).update(error=error)
    call_command("migrate", "billing", verbosity=0)
    for event, (error, code, detail) in zip(events, DELIVERY_ERRORS, strict=True):
        event.refresh_from_db()
        assert (event.error_code, event.error) == (code, detail), error
