"""What staff read becomes data: `TransactionNote` in place of the lines of `review_note`, codes
beside the errors of cancels and deliveries.

This is the one place that may read the sentences that the program wrote itself in former versions;
whatever it does not know stays as it is, as a `legacy` note.
"""

import re
from collections.abc import Iterator
from typing import Any

from django.db import migrations

AT_ONCE = 1_000  # rows in one statement

# Why a cancel or mismatch refund waited for staff.
WHY = [
    (r"returns are left to staff here", "setting"),
    (r"it is not whole won", "not_whole_won"),
    (r"a refund account is needed", "account_needed"),
    (r"accepted more than 7 days ago, and not done", "accepted_too_long"),
    (r"the gateway has cancelled a part, and nobody knows whose part it is", "part_cancelled"),
    (r"sent, and nobody knows whether it was registered", "maybe_registered"),
    (r"sent (?P<tries>\d+) times without an answer", "no_answer"),
    (r"tried (?P<tries>\d+) times", "tried"),
    (r"(?:refused|not sent) (?P<tries>\d+) times: (?P<detail>.*)", "rejected"),
    (r"the gateway does not know it", "gateway_trouble"),
]
IMP = r"(?P<imp_uid>\S+?)"
PAID = rf"{IMP} paid (?P<paid>[\d.]+) (?P<currency>\w+)(?P<test> through a test channel)?"
LINES = [
    (rf"{PAID}; the row asks for (?P<asked>\d+) KRW once", "wrong_money"),
    (rf"{IMP}: (?P<why>.+), so staff send it back", "refund_by_staff"),
    (rf"{IMP}: sending the wrong money back: (?P<why>.+)", "return_stuck"),
    (rf"{IMP}: the cancel of (?P<amount>\d+) won: (?P<why>.+)", "cancel_unclear"),
    (
        rf"{IMP} is cancelled at the gateway, with nothing paid back: account closed by (?P<by>.+)",
        "account_closed",
    ),
    (rf"{IMP} is cancelled at the gateway, with nothing paid back", "closed_account"),
    (
        rf"{IMP} registered a card and is (?P<status>\w+): no money to us; see at the gateway "
        r"whether it was charged",
        "card_registration",
    ),
    (
        rf"{IMP}: (?P<points>\d+) points were cancelled, the balance is (?P<balance>-?\d+)",
        "negative_balance",
    ),
    (
        rf"{IMP}: (?P<points>\d+) points were credited to a member who has left",
        "member_left",
    ),
    (rf"{IMP}: (?P<kind>cancel|return) #(?P<number>\d+) sent again by (?P<by>.+)", "sent_again"),
    (
        rf"{IMP}: (?P<kind>cancel|return) #(?P<number>\d+) left waiting by (?P<by>.+)",
        "left_waiting",
    ),
    (rf"{IMP}: (?P<kind>cancel|return) #(?P<number>\d+) given up by (?P<by>.+)", "given_up"),
    (rf"{IMP}: closing of the account asked for by (?P<by>.+)", "account_close_requested"),
    (r"adopted for (?P<member>.+) by (?P<by>\S+)", "claimed"),
    (r"resolved by (?P<by>[^:]+): (?P<reason>.+)", "resolved"),
]
_LINES = [(re.compile(pattern), code) for pattern, code in LINES]
_WHY = [(re.compile(pattern), code) for pattern, code in WHY]
NUMBERS = ("asked", "amount", "points", "balance", "number", "tries")


def why_of(text: str) -> dict[str, Any]:
    for pattern, code in _WHY:
        if match := pattern.fullmatch(text):
            params = {name: value for name, value in match.groupdict().items()}
            if code == "gateway_trouble":
                params = {"code": "payment_not_found", "detail": text}
            return {"why": code, **params}
    return {"why": "gateway_trouble", "code": "invalid_gateway_response", "detail": text}


def note_of(line: str) -> tuple[str, dict[str, Any], str]:
    """(code, params, who of the staff) of a line of `review_note`."""
    for pattern, code in _LINES:
        match = pattern.fullmatch(line)
        if not match:
            continue
        params: dict[str, Any] = match.groupdict()
        by = params.pop("by", "") or ""
        if "why" in params:
            params |= why_of(params["why"])
        if "test" in params:
            params["test"] = bool(params["test"])
        for name in NUMBERS:
            if name in params:
                params[name] = int(params[name])
        return code, params, by
    return "legacy", {"text": line}, ""


def money_code(row: Any, params: dict[str, Any], refunds: dict[tuple[int, str], str]) -> str:
    """The review that wrong money opened: its refund says, in "wrong money: <code>"."""
    found = refunds.get((row.pk, params["imp_uid"]), "")
    return found.removeprefix("wrong money: ") or row.review or "wrong_amount"


def batches(rows: Any) -> Iterator[list[Any]]:
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk")[:AT_ONCE]):
        last = batch[-1].pk
        yield batch


def notes_from_lines(apps: Any, schema_editor: Any) -> None:
    """Lines of review_note → notes, in their order. Their times are not known: the last answer's,
    else the row's beginning.
    """
    alias = schema_editor.connection.alias
    transactions = apps.get_model("billing", "PointTransaction").objects.using(alias)
    cancellations = apps.get_model("billing", "PointCancellation").objects.using(alias)
    notes = apps.get_model("billing", "TransactionNote")
    for batch in batches(transactions.exclude(review_note="")):
        refunds = {
            (txn, imp_uid): reason
            for txn, imp_uid, reason in cancellations.filter(
                kind="return", txn__in=[row.pk for row in batch]
            ).values_list("txn_id", "imp_uid", "reason")
        }
        made = []
        for row in batch:
            for line in row.review_note.splitlines():
                code, params, by = note_of(line)
                if code == "wrong_money":
                    code = money_code(row, params, refunds)
                made.append(
                    notes(
                        txn_id=row.pk,
                        code=code,
                        params=params,
                        by_name=by[:150],
                        at=row.synced_at or row.created_at,
                    )
                )
        notes.objects.using(alias).bulk_create(made, batch_size=AT_ONCE)
        transactions.filter(pk__in=[row.pk for row in batch]).update(has_notes=True)


def lines_from_notes(apps: Any, schema_editor: Any) -> None:
    """Backwards: a line for each note, so that a row with notes never looks like one without: the
    versions before asked by it whether money goes back already. Not in their sentences: staff read
    code and values.
    """
    alias = schema_editor.connection.alias
    transactions = apps.get_model("billing", "PointTransaction").objects.using(alias)
    notes = apps.get_model("billing", "TransactionNote").objects.using(alias)
    for batch in batches(transactions.filter(has_notes=True)):
        lines: dict[int, list[str]] = {row.pk: [] for row in batch}
        for note in notes.filter(txn__in=lines).order_by("pk"):
            values = [f"{name}={value}" for name, value in sorted(note.params.items())]
            by = [f"by={note.by_name}"] if note.by_name else []
            legacy = note.params.get("text") if note.code == "legacy" else ""
            lines[note.txn_id].append(legacy or " ".join([f"{note.code}:", *values, *by]))
        for row in batch:
            row.review_note = "\n".join(lines[row.pk]) or "note"
        transactions.bulk_update(batch, ["review_note"])


ERRORS = [
    (r"given up after \d+ days: (?P<rest>.*)", None),
    (r"(?P<rest>.*)[;,] (?:and )?others wait already", None),
    (r"GatewayUnreachable: (?P<detail>.*)", "gateway_unreachable"),
    (r"Gateway(?:Refused|Rejected): (?P<detail>.*)", "gateway_rejected"),
    (r"(?:GatewayNonsense|InvalidGatewayResponse): (?P<detail>.*)", "invalid_gateway_response"),
    (r"AnswerTooLong: (?P<detail>.*)", "invalid_gateway_response"),
    (r"(?:Gateway)?PaymentNotFound: (?P<detail>.*)", "payment_not_found"),
    (r"no such merchant_uid|no row has .*", "unknown_order"),
    (r"asked too often this hour", "asked_too_often"),
    (r"the gateway gave no answer \((?P<detail>.+)\)", "gateway_unreachable"),
    (r"the gateway answered (?P<detail>HTTP \d+)", "gateway_unreachable"),
    (r"the time for asking the gateway is over", "gateway_unreachable"),
    (r"the gateway does not know it", "payment_not_found"),
    (r"the gateway (?:refused|did not accept).*", "gateway_rejected"),
    (r"cancelled in part at the gateway's console meanwhile", "cancelled_at_console"),
    (r"given up by (?P<detail>.*)", "given_up"),
    (r"(?P<detail>.*) \(and the payment as it was before\)", "rejected_old_answer"),
    (r"(?P<detail>.*) \(the .*\)", "rejected_then_silent"),
]
_ERRORS = [(re.compile(pattern, re.DOTALL), code) for pattern, code in ERRORS]


def error_of(text: str, otherwise: str) -> tuple[str, str]:
    """(code, detail) of an error's sentence; `otherwise` where the program never wrote it."""
    for pattern, code in _ERRORS:
        if match := pattern.fullmatch(text):
            found = match.groupdict()
            if code is None:
                return error_of(found["rest"], otherwise)
            detail = found.get("detail") or ""
            inner = re.fullmatch(r"the gateway gave no answer \((.+)\)|the gateway answered (.+)", detail)
            return code, next(filter(None, inner.groups())) if inner else detail
    return otherwise, text


def codes_from_errors(apps: Any, schema_editor: Any) -> None:
    """Codes beside errors. What is none of our sentences are the gateway's words on a refusal."""
    alias = schema_editor.connection.alias
    cancellations = apps.get_model("billing", "PointCancellation").objects.using(alias)
    for batch in batches(cancellations.exclude(error="", kind="cancel")):
        for one in batch:
            if one.error:
                said = "gateway_rejected" if one.state in ("refused", "requested") else "legacy"
                one.error_code, one.error = error_of(one.error, said)
            if one.kind == "return" and one.reason.startswith("wrong money: "):
                one.reason_code = one.reason.removeprefix("wrong money: ")[:20]
        cancellations.bulk_update(batch, ["error_code", "error", "reason_code"])
    events = apps.get_model("billing", "WebhookEvent").objects.using(alias)
    for batch in batches(events.exclude(error="")):
        for event in batch:
            event.error_code, event.error = error_of(event.error, "legacy")
        events.bulk_update(batch, ["error_code", "error"])


class Migration(migrations.Migration):
    dependencies = [("billing", "0008_transaction_note")]

    operations = [
        migrations.RunPython(notes_from_lines, lines_from_notes),
        migrations.RunPython(codes_from_errors, migrations.RunPython.noop),
    ]
