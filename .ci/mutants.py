"""Plants one bug at a time into a copy of the project and says whether the tests catch it.

python .ci/mutants.py [name …] [--plain-only]      all of them, or those whose name holds one of the words; 1 where one is not caught

First the random lives (tests/test_lives.py) are asked, then, where they are content, the plain tests of money. A change whose old text
is not found exactly once stops the run: a list that has grown stale proves nothing. The first run plants nothing and must pass.
"""

# ruff: noqa: E501  (what is replaced stands in one piece)
from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MANAGERS = "django_app/billing/managers"
LIVES = ["django_app/billing/tests/test_lives.py"]
PLAIN = [f"django_app/billing/tests/{name}.py" for name in (
    "test_states", "test_apply", "test_cancel", "test_returns", "test_decisions", "test_rare_turns", "test_spend", "test_order",
    "test_races", "test_open_doors", "test_iamport_more", "test_iamport", "test_tables",
)]  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One planted bug: in `file`, `old` becomes `new`."""

    name: str
    file: str
    old: str
    new: str
    postgresql: bool = False  # SQLite locks the whole database anyway


MUTANTS = [
    Mutant("no lock", f"{MANAGERS}/rows.py", ".select_for_update(no_key=True)", "", postgresql=True),
    Mutant("no version", f"{MANAGERS}/rows.py", "rows = rows.filter(version=txn.version)", "pass  # no second net"),
    Mutant(
        "decide before the lock",
        f"{MANAGERS}/applying.py",
        """            txn = self._locked(merchant_uid=payment.merchant_uid)
            decision = self._decide(txn, payment)
            values = _values(txn, payment, decision)
""",
        """            early = self.select_related("owner").get(merchant_uid=payment.merchant_uid)
            decision = self._decide(early, payment)
            import time; time.sleep(0.05)
            values = _values(early, payment, decision)
            txn = self._locked(merchant_uid=payment.merchant_uid)
""",
        postgresql=True,
    ),
    Mutant(
        "no cancel_goal",
        f"{MANAGERS}/applying.py",
        "txn.amount - max(decision.cancel_amount, txn.cancel_goal)",
        "txn.amount - decision.cancel_amount",
    ),
    Mutant(
        "the hold is taken twice",
        f"{MANAGERS}/applying.py",
        "txn.amount - max(decision.cancel_amount, txn.cancel_goal)",
        "txn.credited - decision.cancel_amount",
    ),
    Mutant(
        "trust the webhook body",
        "django_app/billing/webhooks.py",
        "        PointTransaction.objects.sync(event.imp_uid, deadline=deadline)\n",
        """        from dataclasses import replace
        from billing.iamport import gateway
        payment = gateway().payment(event.imp_uid, deadline=deadline)
        claimed = event.claimed_status or payment.status
        PointTransaction.objects.apply(replace(payment, status=claimed))
""",
    ),
    Mutant("no checksum", "django_app/billing/iamport.py", '            "checksum": _plain_number(checksum),\n', ""),
    Mutant(
        "a refusal is believed without asking",
        f"{MANAGERS}/sending.py",
        'return Verdict("done" if payment.cancel_amount >= goal else "refused", payment, why)',
        'return Verdict("refused", payment, why)',
    ),
    Mutant(
        "code 0 is believed",
        f"{MANAGERS}/sending.py",
        'return Verdict("done" if payment.cancel_amount >= goal else "accepted", payment)',
        'return Verdict("done", payment)',
    ),
    Mutant(
        "unknown is taken for failed",
        f"{MANAGERS}/sending.py",
        'return Verdict("not_sent" if error.surely_not_sent else "unknown", error=str(error))',
        'return Verdict("not_sent", error=str(error))',
    ),
    Mutant(
        "a resend is not claimed",
        f"{MANAGERS}/returns.py",
        ', state__in=("requested", "unknown"), tries=cancellation.tries)',
        ', state__in=("requested", "unknown"))',
    ),
    Mutant(
        "cancelled with 0 is money",
        "django_app/billing/states.py",
        "(status == Status.CANCELLED and payment.cancel_amount > 0)",
        "status == Status.CANCELLED",
    ),
    Mutant(
        "a stray imp_uid takes the row",
        "django_app/billing/states.py",
        "if row.imp_uid is None or _started_later(payment, row):",
        "if True:",
    ),
    Mutant(
        "wrong amounts are right",
        "django_app/billing/states.py",
        "if payment.amount != row.amount or payment.cancel_amount % 1:\n        return Review.WRONG_AMOUNT",
        "if payment.cancel_amount % 1:\n        return Review.WRONG_AMOUNT",
    ),
    Mutant("play money is money", "django_app/billing/states.py", "if payment.test_channel and not accept_test_channel:", "if False:"),
    Mutant("a second payment is ignored", "django_app/billing/states.py", "        if is_money and left > 0:\n", "        if False:\n"),
    Mutant(
        "first seen in part credits all",
        f"{MANAGERS}/applying.py",
        'values["credited"] = txn.amount - decision.cancel_amount\n',
        'values["credited"] = txn.amount\n',
    ),
    Mutant(
        "global spend keys",
        f"{MANAGERS}/points.py",
        "entry = self._entries().filter(owner_id=owner_id, kind=kind, key=key).first()",
        "entry = self._entries().filter(kind=kind, key=key).first()",
    ),
    Mutant("spending has no guard", f"{MANAGERS}/points.py", "account = account.filter(balance__gte=floor - delta)", "pass"),
    Mutant(
        "network inside the transaction",
        f"{MANAGERS}/transactions.py",
        "        return self.apply(gateway().payment(imp_uid, deadline=deadline), deadline=deadline)",
        "        with transaction.atomic(using=self.db):\n            payment = gateway().payment(imp_uid, deadline=deadline)\n        return self.apply(payment, deadline=deadline)",
    ),
    Mutant(
        "V1: bind only what has something left",
        "django_app/billing/states.py",
        "        if wrong is None:\n",
        "        if wrong is None and left > 0:\n",
    ),
    Mutant(
        "V2: an old try closes a newer one",
        f"{MANAGERS}/cancels.py",
        "rows.filter(needs_staff=True) if by_staff else rows.filter(tries=cancellation.tries)",
        "rows",
    ),
    Mutant(
        "V2b: the age is read after the answer",
        f"{MANAGERS}/cancels.py",
        "self._next_step(cancellation, gateway().payment(cancellation.imp_uid, deadline=deadline), age)",
        "self._next_step(cancellation, gateway().payment(cancellation.imp_uid, deadline=deadline), _age(cancellation) or age)",
    ),
    Mutant(
        "V3: a refused return is its end",
        f"{MANAGERS}/returns.py",
        "if mine.update(**values, state=back.State.REQUESTED):",
        "if mine.update(**values, state=back.State.REFUSED):",
    ),
    Mutant(
        "V4: accounts are sent again by themselves",
        f"{MANAGERS}/cancels.py",
        "elif not payment.cancels_at_once or cancellation.refund_last4:",
        "elif False:",
    ),
    Mutant("V5: a sender that was held up sends", f"{MANAGERS}/cancels.py", "if time.monotonic() - held_at <= SEND_WITHIN:", "if True:"),
    Mutant(
        "V6: accepted is given back after 7 days",
        f"{MANAGERS}/cancels.py",
        'self._ask_staff(cancellation, "accepted more than 7 days ago, and not done")',
        "self._close(cancellation, state.REFUSED, payment)",
    ),
    Mutant(
        "no wait before sending again",
        f"{MANAGERS}/cancels.py",
        "elif age < UNKNOWN_WAIT or payment.cancel_amount < cancellation.base:",
        "elif payment.cancel_amount < cancellation.base:",
    ),
    Mutant("a cancel may take what was spent", f"{MANAGERS}/cancels.py", "floor=None if allow_negative else 0", "floor=None"),
    Mutant(
        "the balance forgets the entry",
        f"{MANAGERS}/rows.py",
        'if not accounts.update(balance=F("balance") + points):',
        'if not accounts.update(balance=F("balance") + points + 1):',
    ),
]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="words in the names of the bugs to plant; none: all")
    parser.add_argument("--plain-only", action="store_true", help="do not ask the random lives")
    chosen = parser.parse_args()
    wanted = [mutant for mutant in MUTANTS if not chosen.names or any(word in mutant.name for word in chosen.names)]
    with tempfile.TemporaryDirectory(prefix="billing-mutants-") as folder:
        copy = Path(folder) / "project"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".venv", ".git", "var", "__pycache__", ".*_cache", "node_modules"))
        for mutant in wanted:
            text = (copy / mutant.file).read_text(encoding="utf-8")
            if text.count(mutant.old) != 1:
                print(f"stale: {mutant.name!r} finds its text {text.count(mutant.old)} times in {mutant.file}")
                return 2
        suites = [("plain tests", PLAIN)] if chosen.plain_only else [("lives", LIVES), ("plain tests", PLAIN)]
        print(f"{'planted':45} {'caught by':12} seconds", flush=True)
        if not chosen.names and not all(passes(copy, suite) for _, suite in suites):
            print("the tests fail without any planted bug")
            return 2
        missed = [mutant.name for mutant in wanted if not caught(copy, mutant, suites)]
    print(f"{len(wanted) - len(missed)} of {len(wanted)} caught" + (f"; not: {', '.join(missed)}" if missed else ""))
    return 1 if missed else 0


def caught(copy: Path, mutant: Mutant, suites: list[tuple[str, list[str]]]) -> bool:
    path, began = copy / mutant.file, time.monotonic()
    right = path.read_text(encoding="utf-8")
    path.write_text(right.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        by = next((name for name, suite in suites if not passes(copy, suite, mutant.postgresql)), "NOT CAUGHT")
    finally:
        path.write_text(right, encoding="utf-8")
    print(f"{mutant.name:45} {by:12} {time.monotonic() - began:7.0f}", flush=True)
    return by != "NOT CAUGHT"


def passes(copy: Path, suite: list[str], postgresql: bool = False) -> bool:
    pytest = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "2", "-p", "no:cacheprovider", *suite]
    command = [sys.executable, ".ci/with_postgres.py", *pytest] if postgresql else pytest
    done = subprocess.run(
        command, cwd=copy, capture_output=True, text=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, check=False
    )
    if done.returncode not in (0, 1, 2):  # 2: -x under xdist
        raise SystemExit(done.stdout[-3000:] + done.stderr[-3000:])
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
