"""The tables of money: columns and constraints. What happens to them is in `managers/`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils.translation import gettext_lazy as _

from billing.bookkeeping import DailyFigures, Installation, ReconcileRun
from billing.errors import LedgerIsAppendOnly
from billing.managers import PointManager, PointTransactionManager
from billing.states import Review, Status
from billing.unmatched import UnmatchedPayment

__all__ = [
    "DailyFigures",
    "Installation",
    "PayMethod",
    "Point",
    "PointCancellation",
    "PointEntry",
    "PointTransaction",
    "ReconcileRun",
    "UnmatchedPayment",
    "WebhookEvent",
]


class PayMethod(models.TextChoices):
    """`pay_method` of the gateway that we know by name."""

    CARD = "card", _("Card")
    TRANS = "trans", _("Account transfer")
    VBANK = "vbank", _("Virtual account")
    PHONE = "phone", _("Phone bill")
    KAKAOPAY = "kakaopay", _("Kakao Pay")
    NAVERPAY = "naverpay", _("Naver Pay")
    TOSSPAY = "tosspay", _("Toss Pay")
    PAYCO = "payco", _("PAYCO")


class Point(models.Model):
    """One member's points. Everything else about money hangs on this row."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.PROTECT, primary_key=True, related_name="point"
    )
    point = models.PositiveBigIntegerField(
        _("attempts"), default=0, help_text=_("Attempts to pay. Never a balance.")
    )
    balance = models.BigIntegerField(
        _("balance"), default=0, help_text=_("Points to spend: the sum of the member's entries.")
    )
    language = models.CharField(_("language"), max_length=10, blank=True, default="")
    left_at = models.DateTimeField(
        _("left"),
        null=True,
        blank=True,
        help_text=_("When the member left: personal data are scrubbed since."),
    )

    objects = PointManager()

    class Meta:
        verbose_name = _("point account")
        verbose_name_plural = _("point accounts")
        permissions = [
            ("adjust_points", "Can correct a member's points"),
            ("scrub_member", "Can let a member leave: scrub personal data and deactivate"),
        ]
        indexes = [
            models.Index(
                fields=["balance"], condition=Q(balance__lt=0), name="billing_point_below_zero"
            )
        ]

    def __str__(self) -> str:
        return f"{self.pk}: {self.balance}P"


class PointTransaction(models.Model):
    """One attempt to pay. Money columns are written by its manager alone, and only from answers of
    the gateway.
    """

    owner = models.ForeignKey(
        Point, models.PROTECT, related_name="transactions", verbose_name=_("member"), db_index=False
    )
    merchant_uid = models.CharField(max_length=40, unique=True)
    imp_uid = models.CharField(max_length=32, unique=True, null=True, blank=True)
    amount = models.BigIntegerField(_("amount (won)"))
    pay_method = models.CharField(_("method"), max_length=20, help_text=_("As the payer chose it."))
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.READY
    )
    cancel_amount = models.BigIntegerField(_("cancelled (won)"), default=0)
    pending_cancel_total = models.BigIntegerField(
        default=0,
        db_column="cancel_goal",
        help_text=_("What will be cancelled once our open cancel is done; 0: none is open."),
    )
    credited = models.BigIntegerField(_("credited (points)"), default=0)
    credited_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("When an imp_uid was bound: the one whose money this row holds."),
    )
    version = models.PositiveIntegerField(default=0)
    claimed = models.BooleanField(
        default=False,
        db_column="adopted",
        help_text=_("Staff gave a payment that no row knew to a member: no attempt."),
    )
    review = models.CharField(
        _("review"), max_length=20, choices=Review.choices, blank=True, default=""
    )
    review_note = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    prepared_at = models.DateTimeField(null=True, blank=True)
    synced_at = models.DateTimeField(null=True, blank=True)
    next_check_at = models.DateTimeField(null=True, blank=True)

    # The gateway's facts, as `payment.Payment` has them.
    paid_method = models.CharField(
        max_length=20, blank=True, default="", help_text=_("What was really used.")
    )
    test_channel = models.BooleanField(default=False)
    pg_provider = models.CharField(max_length=40, blank=True, default="")
    pg_id = models.CharField(max_length=80, blank=True, default="")
    pg_tid = models.CharField(max_length=120, blank=True, default="")
    apply_num = models.CharField(max_length=40, blank=True, default="")
    card_name = models.CharField(max_length=40, blank=True, default="")
    bank_name = models.CharField(max_length=40, blank=True, default="")
    vbank_code = models.CharField(max_length=10, blank=True, default="")
    vbank_name = models.CharField(max_length=40, blank=True, default="")
    vbank_num = models.CharField(max_length=40, blank=True, default="")
    vbank_holder = models.CharField(max_length=60, blank=True, default="")
    vbank_date = models.DateTimeField(null=True, blank=True)
    vbank_issued_at = models.DateTimeField(null=True, blank=True)
    account_closed_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When staff closed the virtual account.")
    )
    started_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    fail_reason = models.CharField(max_length=500, blank=True, default="")
    cancel_reason = models.CharField(max_length=500, blank=True, default="")
    receipt_url = models.CharField(max_length=500, blank=True, default="")

    objects = PointTransactionManager()

    class Meta:
        verbose_name = _("transaction")
        verbose_name_plural = _("transactions")
        permissions = [
            ("see_personal_data", "Can see personal data in full"),
            ("ask_gateway", "Can ask the gateway and replay deliveries"),
            (
                "cancel_payment",
                "Can cancel payments, settle cancels, close accounts and resolve reviews",
            ),
            ("cancel_into_negative", "Can cancel points that were spent already"),
            ("adopt_payment", "Can adopt a payment that no transaction knows"),
        ]
        indexes = [
            models.Index(F("owner"), F("id").desc(), name="billing_txn_by_owner"),
            models.Index(
                fields=["next_check_at"],
                condition=Q(next_check_at__isnull=False),
                name="billing_txn_to_check",
            ),
            models.Index(fields=["review"], condition=~Q(review=""), name="billing_txn_to_review"),
            models.Index(
                fields=["synced_at"],
                condition=Q(cancel_amount__gt=0, cancel_amount__lt=F("amount")),
                name="billing_txn_part_cancelled",
            ),
            models.Index(
                fields=["vbank_date"],
                condition=Q(status="ready") & ~Q(vbank_num=""),
                name="billing_txn_account_waits",
            ),
            # Lists of the back office: newest first, as a whole, by one filter, or by one thing
            # that was looked for.
            models.Index(fields=["created_at", "id"], name="billing_txn_by_time"),
            models.Index(fields=["status", "created_at", "id"], name="billing_txn_by_status"),
            models.Index(fields=["pay_method", "created_at", "id"], name="billing_txn_by_method"),
            models.Index(fields=["pg_provider", "created_at", "id"], name="billing_txn_by_pg"),
            models.Index(fields=["amount", "created_at", "id"], name="billing_txn_by_amount"),
            models.Index(
                fields=["created_at", "id"], condition=~Q(review=""), name="billing_txn_reviews"
            ),
            models.Index(
                fields=["created_at", "id"],
                condition=Q(test_channel=True),
                name="billing_txn_tests",
            ),
            models.Index(fields=["pg_tid"], condition=~Q(pg_tid=""), name="billing_txn_by_tid"),
            models.Index(
                fields=["apply_num"], condition=~Q(apply_num=""), name="billing_txn_by_approval"
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="billing_txn_amount"),
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="billing_txn_status"
            ),
            models.CheckConstraint(condition=~Q(imp_uid=""), name="billing_txn_imp_uid"),
            models.CheckConstraint(
                condition=Q(cancel_amount__gte=0, cancel_amount__lte=F("amount")),
                name="billing_txn_cancel_amount",
            ),
            models.CheckConstraint(
                condition=Q(pending_cancel_total__gte=0, pending_cancel_total__lte=F("amount")),
                name="billing_txn_cancel_goal",
            ),
            models.CheckConstraint(
                condition=Q(credited_at__isnull=False) | Q(credited=0, pending_cancel_total=0),
                name="billing_txn_unbound",
            ),
            models.CheckConstraint(
                condition=Q(credited_at__isnull=True)
                | Q(
                    credited=F("amount") - Greatest("cancel_amount", "pending_cancel_total"),
                    imp_uid__isnull=False,
                    status__in=[Status.PAID, Status.CANCELLED],
                ),
                name="billing_txn_bound",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.PAID) | Q(credited_at__isnull=False, cancel_amount=0),
                name="billing_txn_paid",
            ),
        ]

    def __str__(self) -> str:
        return self.merchant_uid

    @property
    def is_matched(self) -> bool:
        """Whether the row holds a payment's money."""
        return self.credited_at is not None

    @property
    def method_label(self) -> str:
        """The chosen method in words."""
        return str(dict(PayMethod.choices).get(self.pay_method, self.pay_method))


class AppendOnlyQuerySet(models.QuerySet):
    """Reads and inserts."""

    def update(self, **kwargs: Any) -> int:
        raise LedgerIsAppendOnly("entries are never updated")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise LedgerIsAppendOnly("entries are never deleted")

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        raise LedgerIsAppendOnly("entries are never updated")


class PointEntry(models.Model):
    """One line of the ledger: signed, and never changed. A member's entries add up to the balance.

    Inserted after the balance update, whose row lock makes ids per member follow the order of
    commits. Database triggers (`triggers.py`) guard what this class cannot see.
    """

    class Kind(models.TextChoices):
        CHARGE = "charge", _("Charge")
        CANCEL = "cancel", _("Cancel")
        RELEASE = "release", _("Cancel withdrawn")
        SPEND = "spend", _("Spend")
        GIVE_BACK = "give_back", _("Give back")
        ADJUST = "adjust", _("Adjustment")

    owner = models.ForeignKey(
        Point, models.PROTECT, related_name="entries", verbose_name=_("member"), db_index=False
    )
    txn = models.ForeignKey(
        PointTransaction,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="entries",
        db_index=False,
    )
    version = models.PositiveIntegerField(null=True, blank=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    # Unique where there is one.
    idempotency_key = models.CharField(  # noqa: DJ001
        max_length=100, null=True, blank=True, db_column="key"
    )
    delta = models.BigIntegerField(_("points"))
    memo = models.CharField(_("memo"), max_length=200, blank=True, default="")
    # Who did it: the name as it was then, and the row. PROTECT, because SET NULL would be an
    # update.
    by_name = models.CharField(max_length=150, blank=True, default="")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        indexes = [
            models.Index(F("owner"), F("id").desc(), name="billing_entry_by_owner"),
            models.Index(fields=["created_at"], name="billing_entry_by_time"),
            models.Index(fields=["kind", "created_at", "id"], name="billing_entry_by_kind"),
            models.Index(
                fields=["idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="billing_entry_by_key",
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(delta=0), name="billing_entry_delta"),
            models.CheckConstraint(
                condition=Q(
                    kind__in=["charge", "cancel", "release"],
                    txn__isnull=False,
                    version__isnull=False,
                    idempotency_key__isnull=True,
                )
                | Q(
                    kind__in=["spend", "give_back", "adjust"],
                    txn__isnull=True,
                    version__isnull=True,
                    idempotency_key__isnull=False,
                ),
                name="billing_entry_origin",
            ),
            models.UniqueConstraint(
                fields=["txn", "version"], name="billing_entry_once_per_version"
            ),
            models.UniqueConstraint(
                fields=["owner", "kind", "idempotency_key"], name="billing_entry_once_per_key"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.delta:+}P"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; LedgerIsAppendOnly for a row that exists."""
        if not self._state.adding:
            raise LedgerIsAppendOnly("entries are never updated")
        kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise LedgerIsAppendOnly("entries are never deleted")


class PointCancellation(models.Model):
    """Money on its way back: a cancel of ours, or the return of wrong money. Refund accounts are
    not kept, at most their last digits.
    """

    class Kind(models.TextChoices):
        CANCEL = "cancel", _("Cancel")
        MISMATCH_REFUND = "return", _("Return of wrong money")

    class State(models.TextChoices):
        REQUESTED = "requested", _("Requested")
        ACCEPTED = "accepted", _("Accepted")
        UNKNOWN = "unknown", _("Unknown")
        DONE = "done", _("Done")
        REFUSED = "refused", _("Refused")

    OPEN = (State.REQUESTED, State.ACCEPTED, State.UNKNOWN)

    txn = models.ForeignKey(PointTransaction, models.PROTECT, related_name="cancellations")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    imp_uid = models.CharField(max_length=32)
    amount = models.DecimalField(
        max_digits=18, decimal_places=4, help_text=_("In the payment's currency.")
    )
    currency = models.CharField(max_length=3, default="KRW")
    base = models.DecimalField(
        max_digits=18, decimal_places=4, help_text=_("What was cancelled before it began.")
    )
    checksum = models.DecimalField(
        max_digits=18,
        decimal_places=4,
        help_text=_("What the gateway must still hold for it to begin."),
    )
    reason = models.CharField(max_length=256)
    by_name = models.CharField(max_length=150, blank=True, default="")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.REQUESTED)
    tries = models.PositiveIntegerField(default=0)
    gateway_id = models.CharField(max_length=40, blank=True, default="")
    refund_last4 = models.CharField(max_length=4, blank=True, default="")
    error = models.CharField(max_length=500, blank=True, default="")
    needs_staff = models.BooleanField(
        default=False, help_text=_("Nothing more happens by itself: staff decide.")
    )
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    waiting_since = models.DateTimeField(
        null=True, blank=True, help_text=_("Accepted at the gateway, to be done later.")
    )
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("cancel or return")
        verbose_name_plural = _("cancels and returns")
        indexes = [
            models.Index(
                fields=["state"],
                condition=Q(state__in=["requested", "accepted", "unknown"]),
                name="billing_cancellation_open",
            ),
            models.Index(fields=["created_at", "id"], name="billing_cancellation_by_time"),
            models.Index(
                fields=["state", "created_at", "id"], name="billing_cancellation_by_state"
            ),
            models.Index(fields=["kind", "created_at", "id"], name="billing_cancellation_by_kind"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="billing_cancellation_amount"),
            models.CheckConstraint(condition=Q(base__gte=0), name="billing_cancellation_base"),
            models.UniqueConstraint(
                fields=["txn"],
                condition=Q(kind="cancel", state__in=["requested", "accepted", "unknown"]),
                name="billing_one_open_cancel",
            ),
            models.UniqueConstraint(
                fields=["imp_uid"],
                condition=Q(kind="return"),
                name="billing_one_return_per_payment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} {self.currency} ({self.state})"


class WebhookEvent(models.Model):
    """One delivery at one of the open doors, stored before anything is made of it. No unique key:
    every delivery is news.
    """

    class Source(models.TextChoices):
        WEBHOOK = "webhook", _("Webhook")
        RETURN = "return", _("Return from the gateway")

    class Outcome(models.TextChoices):
        PENDING = "pending", _("Pending")
        DONE = "done", _("Done")
        IGNORED = "ignored", _("Ignored")
        DEAD = "dead", _("Given up")

    source = models.CharField(max_length=10, choices=Source.choices, default=Source.WEBHOOK)
    address = models.GenericIPAddressField(null=True, blank=True)
    imp_uid = models.CharField(max_length=32)
    merchant_uid = models.CharField(max_length=40)
    claimed_status = models.CharField(
        max_length=20, blank=True, default="", help_text=_("What the sender says; never believed.")
    )
    cancellation_id = models.CharField(max_length=40, blank=True, default="")
    body = models.TextField(blank=True, default="")
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.PENDING)
    tries = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True, default="")
    next_try_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(auto_now_add=True)
    handled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        indexes = [
            models.Index(
                fields=["next_try_at"], condition=Q(outcome="pending"), name="billing_event_pending"
            ),
            models.Index(fields=["merchant_uid"], name="billing_event_by_payment"),
            models.Index(fields=["received_at"], name="billing_event_by_time"),
            models.Index(fields=["imp_uid"], name="billing_event_by_imp_uid"),
            models.Index(fields=["outcome", "received_at", "id"], name="billing_event_by_outcome"),
            models.Index(fields=["source", "received_at", "id"], name="billing_event_by_source"),
        ]

    def __str__(self) -> str:
        return f"{self.imp_uid} {self.claimed_status} ({self.outcome})"
