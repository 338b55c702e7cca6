"""Members' points: the account, and the ledger whose lines add up to its balance."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from billing.db.managers import WholeTableManager
from billing.errors import LedgerIsAppendOnly


class PointManager(WholeTableManager["Point"]):
    """`Point.objects`: what services and staff do with points."""

    def count_attempt(self, owner_id: Any) -> None:
        """One more attempt of this member, whose account is made with the first. Runs inside
        start()'s transaction.

        A conditional UPDATE, so that no attempt is lost whatever runs at the same time: 1
        statement, 3 for a member's first. Called twice, it counts two. The language of the moment
        is kept for mail that is sent without a request.
        """
        from billing.services.points import count_attempt

        self.require_whole_table()
        return count_attempt(owner_id)

    def balance_of(self, user: Any) -> int:
        """Points the member can spend, as the database that is written to has them; 0 for one who
        never charged.
        """
        from billing.services.points import balance_of

        self.require_whole_table()
        return balance_of(user)

    def spend(self, *, user: Any, amount: int, idempotency_key: str, memo: str = "") -> PointEntry:
        """Take `amount` points (≥ 1) from the member's balance, never below zero, and return the
        entry.

        idempotency_key: the caller's name for this purchase, unique per member for ever, at most
        100 characters. A second time with the same key and amount returns the same entry and takes
        nothing. Raises InsufficientPoints, IdempotencyConflict (another amount, or given back
        meanwhile), ValueError. Inside a caller's transaction nothing of it is broken by these
        errors.
        """
        from billing.services.points import spend

        self.require_whole_table()
        return spend(user=user, amount=amount, idempotency_key=idempotency_key, memo=memo)

    def refund_spend(self, *, user: Any, idempotency_key: str) -> PointEntry:
        """Give back the whole of what this member spent under `idempotency_key`, once, and return
        the entry.

        A second time returns the same entry and gives nothing. Raises NoSuchSpend, ValueError.
        """
        from billing.services.points import refund_spend

        self.require_whole_table()
        return refund_spend(user=user, idempotency_key=idempotency_key)

    def adjust(
        self, *, user: Any, delta: int, idempotency_key: str, reason: str, by: Any
    ) -> PointEntry:
        """Correct the member's balance by `delta` points (not 0), never below zero, and return the
        entry.

        idempotency_key: names this correction, so that a form sent twice corrects once. reason and
        by: why, and which user of the staff; kept on the entry. Raises InsufficientPoints,
        IdempotencyConflict (the same key with another delta), ValueError.
        """
        from billing.services.points import adjust

        self.require_whole_table()
        return adjust(user=user, delta=delta, idempotency_key=idempotency_key, reason=reason, by=by)


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


class AppendOnlyQuerySet(models.QuerySet["PointEntry"]):
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
    commits. Database triggers (`db/triggers.py`) guard what this class cannot see.
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
        "billing.PointTransaction",
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
        verbose_name = pgettext_lazy("ledger", "entry")
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
