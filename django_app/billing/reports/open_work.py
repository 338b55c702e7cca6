"""What waits: for staff, for the gateway, for a member's deposit. Counted on partial indexes, which
hold open things only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Q, Sum
from django.utils import timezone

from billing.models import (
    Point,
    PointCancellation,
    PointTransaction,
    ReconcileRun,
    UnmatchedPayment,
    WebhookEvent,
)
from billing.reconciliation import CLEAN, DRIFT
from billing.reconciliation.runs import CLOCKS_APART, NAME, is_alive
from billing.states import Status

# Since the last reconcile began: the night's was left out, to say nothing of those of the day.
LATE = timedelta(hours=26)

_CANCELS = Q(kind=PointCancellation.Kind.CANCEL)
UNKNOWN_CANCELS = _CANCELS & Q(state=PointCancellation.State.UNKNOWN)
CANCELS_UNDER_WAY = _CANCELS & Q(
    state__in=[
        state for state in PointCancellation.OPEN if state != PointCancellation.State.UNKNOWN
    ]
)


def waits_for_deposit(now: datetime) -> Q:
    """Transactions whose virtual account still takes a deposit."""
    return Q(status=Status.READY, vbank_date__gte=now, account_closed_at__isnull=True) & ~Q(
        vbank_num=""
    )


@dataclass(frozen=True)
class OpenWork:
    """How much waits now.

    reviews: transactions that staff should look at. unknown_cancels: cancels of ours whose end
    nobody knows; cancels_under_way: the other open ones. mismatch_refunds: wrong money that is not
    back yet. for_staff: of all three, what nothing but staff can finish. deliveries: not handled
    yet. unmatched: payments at the gateway that no transaction knows and nobody has decided;
    unmatched_won: won of them that the gateway holds, without test channels. open_accounts: virtual
    accounts that still take a deposit, of open_account_won won. members_below_zero: members whose
    balance is points_below_zero below zero.
    """

    reviews: int
    unknown_cancels: int
    cancels_under_way: int
    mismatch_refunds: int
    for_staff: int
    deliveries: int
    open_accounts: int
    open_account_won: int
    members_below_zero: int
    points_below_zero: int
    reconcile: LastRun
    unmatched: int = 0
    unmatched_won: int = 0

    @property
    def all_agrees(self) -> bool:
        """Whether "everything agrees" may be said: the last reconcile found no difference, and no
        payment waits for a decision.
        """
        return self.reconcile.verdict == "clean" and not self.unmatched


@dataclass(frozen=True)
class LastRun:
    """The last reconcile that repairs. verdict: never, running, clean, drift, silent (no answer),
    stopped. pk: of its row.
    """

    verdict: str
    began: datetime | None = None
    remaining: int = 0  # what differs and could not be repaired
    unknown: int = 0  # payments at the gateway that no row knows
    is_late: bool = False
    pk: int | None = None


def open_work(*, now: datetime | None = None) -> OpenWork:
    """Everything that waits: seven statements, however many rows."""
    now = now or timezone.now()
    open_ones = PointCancellation.objects.filter(state__in=PointCancellation.OPEN).aggregate(
        unknown_cancels=Count("pk", filter=UNKNOWN_CANCELS),
        cancels_under_way=Count("pk", filter=CANCELS_UNDER_WAY),
        mismatch_refunds=Count("pk", filter=Q(kind=PointCancellation.Kind.MISMATCH_REFUND)),
        for_staff=Count("pk", filter=Q(needs_staff=True)),
    )
    accounts = PointTransaction.objects.filter(waits_for_deposit(now)).aggregate(
        number=Count("pk"), won=Sum("amount")
    )
    unmatched = UnmatchedPayment.objects.waiting().aggregate(
        number=Count("pk"),
        won=Sum(F("amount") - F("cancel_amount"), filter=Q(currency="KRW", test_channel=False)),
    )
    short = Point.objects.filter(balance__lt=0).aggregate(
        number=Count("pk"), points=Sum(-F("balance"))
    )
    return OpenWork(
        reviews=PointTransaction.objects.exclude(review="").count(),
        **open_ones,
        deliveries=WebhookEvent.objects.filter(outcome=WebhookEvent.Outcome.PENDING).count(),
        open_accounts=accounts["number"],
        open_account_won=accounts["won"] or 0,
        members_below_zero=short["number"],
        points_below_zero=short["points"] or 0,
        reconcile=last_reconcile(now),
        unmatched=unmatched["number"],
        unmatched_won=int(unmatched["won"] or 0),
    )


def last_reconcile(now: datetime) -> LastRun:
    """What the newest run came to; a run that was killed says so once the next one has begun."""
    run = ReconcileRun.objects.filter(name=NAME).order_by("-id").first()
    if run is None:
        return LastRun("never", is_late=True)
    # A start in the future: a clock was wrong, and nobody knows when.
    is_late = now - run.started > LATE or run.started > now + CLOCKS_APART
    if run.finished is None:
        return LastRun(
            "running" if is_alive(run, now) else "stopped", run.started, is_late=is_late, pk=run.pk
        )
    result = run.result
    if result.get("stopped") or "exit_code" not in result:
        verdict = "stopped"
    else:
        verdict = {CLEAN: "clean", DRIFT: "drift"}.get(result["exit_code"], "silent")
    unknown = result.get("unknown", {}).get("count", 0)
    return LastRun(verdict, run.started, result.get("remaining", 0), unknown, is_late, run.pk)
