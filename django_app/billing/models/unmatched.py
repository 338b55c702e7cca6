"""Payments that the gateway knows and no transaction does: a worklist that forgets nothing until
somebody has decided.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.db.managers import PrimaryManager
from billing.gateway.payment import Payment
from billing.states import Status
from billing.support.people import login_name

REASON = 300  # characters of a reason that are kept
HEALED = "a transaction has this order number"

# What the gateway still holds. WAITS is also the condition of an index: change either with a
# migration only.
HOLDS_MONEY = Q(status__in=["paid", "cancelled"], cancel_amount__lt=F("amount")) & ~Q(
    status="cancelled", cancel_amount=0
)
WAITS = Q(decision="") & HOLDS_MONEY

_FACTS = (
    "merchant_uid", "amount", "cancel_amount", "currency", "status", "pay_method", "pg_provider",
    "test_channel", "paid_at"
)  # fmt: skip


class UnmatchedPaymentManager(PrimaryManager["UnmatchedPayment"]):
    """`UnmatchedPayment.objects`. Nothing here moves money."""

    def waiting(self) -> models.QuerySet[UnmatchedPayment]:
        """Those that somebody must decide: undecided, and the gateway still holds money of them."""
        return self.using(self.db).filter(WAITS)

    def record(self, payments: Iterable[Payment], *, now: datetime | None = None) -> int:
        """Keep these payments, which no transaction knows; how many they are. One statement
        (SQLite: as many as its parameters need). A registered card is no money, and nobody's to
        decide: it is not kept.

        A second time their facts and `last_seen` follow; `first_seen` and what staff decided stay
        as they are.
        """
        now = now or timezone.now()
        found = {payment.imp_uid: payment for payment in payments if not payment.registers_card}
        rows = [
            self.model(
                imp_uid=imp_uid,
                first_seen=now,
                last_seen=now,
                **{name: getattr(payment, name) for name in _FACTS},
            )
            for imp_uid, payment in sorted(
                found.items()
            )  # in one order, so that two writers cannot wait for each other
        ]
        if rows:
            self.using(self.db).bulk_create(
                rows,
                update_conflicts=True,
                unique_fields=["imp_uid"],
                update_fields=[*_FACTS, "last_seen"],
            )
        return len(rows)

    def undecided_among(self, payments: Iterable[Payment]) -> set[str]:
        """imp_uids of those that hold money and that nobody has decided yet, whether or not they
        are kept here: one statement.
        """
        held = {payment.imp_uid for payment in payments if payment.is_money and payment.left > 0}
        decided = (
            self.using(self.db)
            .filter(imp_uid__in=held)
            .exclude(decision="")
            .values_list("imp_uid", flat=True)
            if held
            else ()
        )
        return held - set(decided)

    def claimed(self, imp_uid: str, *, by: Any, reason: str = "") -> int:
        """Staff gave this payment to a member: whatever was decided before, it is claimed now.
        Twice: nothing changes; 0 then.
        """
        rows = self.filter(imp_uid=imp_uid).exclude(decision=UnmatchedPayment.Decision.CLAIMED)
        return rows.update(**_decided(UnmatchedPayment.Decision.CLAIMED, by, reason))

    def not_ours(self, keys: Iterable[Any], *, by: Any, reason: str) -> list[UnmatchedPayment]:
        """Decide that these undecided payments belong to another shop; the rows that this call
        decided. Twice: none.

        by: the member of staff. Raises ValueError without a reason.
        """
        if not reason.strip():
            raise ValueError("a reason must be given")
        rows = list(self.waiting().filter(pk__in=list(keys)))
        values = _decided(UnmatchedPayment.Decision.NOT_OURS, by, reason)
        return [row for row in rows if self.filter(pk=row.pk, decision="").update(**values)]

    def with_a_row(self, known: models.QuerySet[Any]) -> models.QuerySet[UnmatchedPayment]:
        """Those that wait although a transaction has their order number by now. known: the
        transactions.

        It may hold the money of another payment of the order: then this one is still to be sent
        back.
        """
        return self.waiting().filter(
            models.Exists(known.filter(merchant_uid=models.OuterRef("merchant_uid")))
        )

    def heal(self, known: models.QuerySet[Any]) -> int:
        """Close as claimed what waits although a transaction holds this very payment, or sends it
        back; how many. One statement.

        known: the transactions. Their order number alone proves nothing of this payment.
        """
        mine = models.OuterRef("imp_uid")
        held = models.Exists(known.filter(imp_uid=mine, credited_at__isnull=False))
        returned = models.Exists(
            known.filter(cancellations__kind="return", cancellations__imp_uid=mine)
        )
        return (
            self.waiting()
            .filter(held | returned)
            .update(**_decided(UnmatchedPayment.Decision.CLAIMED, None, HEALED))
        )


def _decided(decision: str, by: Any, reason: str) -> dict[str, Any]:
    name = login_name(by)[:150] if by is not None else ""
    return {
        "decision": decision,
        "decided_at": timezone.now(),
        "by": by,
        "by_name": name,
        "reason": " ".join(reason.split())[:REASON],
    }


class UnmatchedPayment(models.Model):
    """One payment at the gateway whose merchant_uid no transaction has. Written by `reconcile
    --repair`, decided by staff.

    amount and cancel_amount are in major units of `currency`. What holds no money (failed, not
    paid, or all of it went back to the payer) can neither be claimed nor lost: it is kept and
    shown, but nobody needs to decide it.
    """

    class Decision(models.TextChoices):
        CLAIMED = "claimed", _("Claimed")
        NOT_OURS = "not_ours", _("Not ours")

    imp_uid = models.CharField(max_length=32, unique=True)
    merchant_uid = models.CharField(max_length=200)
    amount = models.DecimalField(max_digits=18, decimal_places=4)
    cancel_amount = models.DecimalField(max_digits=18, decimal_places=4, default=0)
    currency = models.CharField(max_length=3, default="KRW")
    status = models.CharField(_("status"), max_length=10, choices=Status.choices)
    pay_method = models.CharField(max_length=20, blank=True, default="")
    pg_provider = models.CharField(max_length=40, blank=True, default="")
    test_channel = models.BooleanField(default=False)
    paid_at = models.DateTimeField(null=True, blank=True)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    decision = models.CharField(
        _("decision"), max_length=10, choices=Decision.choices, blank=True, default=""
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    by_name = models.CharField(max_length=150, blank=True, default="")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(max_length=REASON, blank=True, default="")

    objects = UnmatchedPaymentManager()

    class Meta:
        verbose_name = _("unmatched payment")
        verbose_name_plural = _("unmatched payments")
        indexes = [
            models.Index(
                fields=["first_seen", "id"],
                condition=WAITS,
                name="billing_unmatched_waits",
            ),
            models.Index(fields=["merchant_uid"], name="billing_unmatched_by_order"),
            models.Index(fields=["first_seen", "id"], name="billing_unmatched_by_time"),
            models.Index(
                fields=["decision", "first_seen", "id"], name="billing_unmatched_by_decision"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(decision="", decided_at__isnull=True)
                | Q(decision__in=["claimed", "not_ours"], decided_at__isnull=False),
                name="billing_unmatched_decision",
            ),
        ]

    def __str__(self) -> str:
        return self.imp_uid

    @property
    def left(self) -> Any:
        """What the gateway still holds of it, in major units."""
        return self.amount - self.cancel_amount

    @property
    def waits(self) -> bool:
        """As the rows of `waiting`."""
        is_money = self.status == Status.PAID or (
            self.status == Status.CANCELLED and self.cancel_amount > 0
        )
        return not self.decision and is_money and self.left > 0
