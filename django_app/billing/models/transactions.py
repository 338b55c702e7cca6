"""Attempts to pay: one row each, and the verbs that may change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils.translation import gettext_lazy as _

from billing.db.managers import WholeTableManager
from billing.gateway.api import Deadline, RefundAccount
from billing.gateway.payment import Payment
from billing.models.cancellations import PointCancellation
from billing.models.gateway_facts import GatewayFacts
from billing.models.points import Point
from billing.states import Decision, PayMethod, Review, Status


@dataclass(frozen=True)
class ApplyResult:
    """What `apply` did. txn is the row as committed, its `owner.balance` included; points is what
    was credited (> 0) or taken (< 0).
    """

    txn: PointTransaction
    decision: Decision
    points: int = 0


class PointTransactionManager(WholeTableManager["PointTransaction"]):
    """`PointTransaction.objects`: open an attempt, make its row equal to what the gateway answers,
    give money back. No network call happens inside a transaction; a caller's own is refused.
    """

    def start(
        self, *, user: Any, amount: int, pay_method: str, deadline: Deadline | None = None
    ) -> PointTransaction:
        """Open an attempt to pay `amount` won and register the amount at the gateway.

        The row and the attempt's count are committed before the gateway is asked. Every call is a
        new attempt with a new merchant_uid. Raises ValueError for an amount that is not a positive
        int, and the GatewayError of a failed registration: the row is kept then, as failed and with
        the reason.
        """
        from billing.services.start import start

        self.require_whole_table()
        return start(user=user, amount=amount, pay_method=pay_method, deadline=deadline)

    def new_merchant_uid(self, user: Any) -> str:
        """A fresh merchant_uid: the day, then 26 letters and digits of a SHA-256 over member, time
        and 128 random bits.

        A hash takes bytes, so the text is encoded first. 34 characters of [a-z0-9]: 6 to 40 letters
        and digits offend no known processor, while several refuse a hyphen (Smartro; Payletter
        global; NICE's SSG Pay by account). Rows of before have one and stay readable.
        """
        from billing.services.start import new_merchant_uid

        self.require_whole_table()
        return new_merchant_uid(user)

    def sync(self, imp_uid: str, *, deadline: Deadline | None = None) -> ApplyResult:
        """Ask the gateway for this payment and make its row equal to the answer.

        The row is the one of the payment's own merchant_uid, whatever the caller believes. Any
        number of calls, in any order and at the same time, credit once. Raises InvalidId,
        GatewayError, UnmatchedPaymentError.
        """
        from billing.services.sync import sync

        self.require_whole_table()
        return sync(imp_uid, deadline=deadline)

    def sync_order(
        self, merchant_uid: str, *, deadline: Deadline | None = None
    ) -> list[ApplyResult]:
        """As `sync`, for every payment under this merchant_uid: an imp_uid may be unknown to us, or
        not the one that was paid.

        One gateway call. Raises GatewayPaymentNotFound where nobody has opened a window yet. A
        payment that cannot be read or contradicts the row hides no other: its
        InvalidGatewayResponse is raised where none could be applied.
        """
        from billing.services.sync import sync_order

        self.require_whole_table()
        return sync_order(merchant_uid, deadline=deadline)

    def apply(self, payment: Payment, *, deadline: Deadline | None = None) -> ApplyResult:
        """Make the row of `payment.merchant_uid` equal to this answer, points included; send wrong
        money back after the commit.

        An answer that proves a cancel of ours closes it, whoever brings it. deadline: bounds the
        sending. A second time, or after a newer answer: nothing changes. Losing a race is no error.
        Raises UnmatchedPaymentError where no row has the merchant_uid, InvalidGatewayResponse where
        the answer contradicts what the row holds, RuntimeError inside a caller's transaction.
        """
        from billing.services.apply import apply

        self.require_whole_table()
        return apply(payment, deadline=deadline)

    def cancel(
        self,
        txn: PointTransaction,
        *,
        reason: str,
        by: Any,
        amount: int | None = None,
        remaining: int | None = None,
        refund_account: RefundAccount | None = None,
        allow_negative: bool = False,
    ) -> PointCancellation:
        """Cancel `amount` won of a paid row (None: all that remains) and take its points back
        first.

        reason: for the gateway and staff. by: the user who does it. remaining: won that the caller
        believes can be cancelled; where it is not so any more, nothing happens (a form sent twice).
        refund_account: needed for virtual accounts. allow_negative: take points that were spent
        already.

        Returns the cancel: done; refused, with the gateway's words in `error` and the points given
        back; accepted, to be done later; unknown or requested, which reconcile finishes. Raises
        CannotCancel before anything is changed or asked, RuntimeError inside a caller's
        transaction. A second call while one is open is refused: CannotCancel("cancel_open").
        """
        from billing.services.cancel import cancel

        self.require_whole_table()
        return cancel(
            txn,
            reason=reason,
            by=by,
            amount=amount,
            remaining=remaining,
            refund_account=refund_account,
            allow_negative=allow_negative,
        )

    def finish(
        self, cancellation: PointCancellation, *, deadline: Deadline | None = None
    ) -> PointCancellation:
        """See how an open cancel or return stands and take the next step; what is closed stays as
        it is. Returns it as it is then.

        May be called at any time and by several at once: the gateway is asked before anything is
        sent again, each try is claimed, and carries the same checksum. What nobody but staff can
        tell is handed to them. Raises GatewayError where the gateway cannot be asked.
        """
        from billing.services.cancel import finish

        self.require_whole_table()
        return finish(cancellation, deadline=deadline)

    def look_after_cancel(self, txn: PointTransaction, *, deadline: Deadline | None = None) -> bool:
        """As `finish` for the open cancel of this row, but send nothing: for a door, which has no
        minute to give to a further try.

        deadline: bounds the one question. Whether the gateway was asked, so that the row may have
        moved: it is to be read again then. No cancel open, or one that is being sent at this
        moment: nothing is asked. Raises GatewayError where the gateway cannot be asked.
        """
        from billing.services.cancel import look_after_cancel

        self.require_whole_table()
        return look_after_cancel(txn, deadline=deadline)

    def send_mismatch_refund(
        self, back: PointCancellation, *, deadline: Deadline | None = None
    ) -> PointCancellation:
        """Send a return whose state is requested, once. Returns it as it stands then; trouble is
        kept on it and never raised.

        Each try is claimed first, so that of several callers one sends. Refused, or surely not
        sent: requested again, with the newest amount; after MOST_TRIES (a test channel's after one)
        staff look.
        """
        from billing.services.mismatch_refund import send_mismatch_refund

        self.require_whole_table()
        return send_mismatch_refund(back, deadline=deadline)

    def decide_refund(
        self,
        cancellation: PointCancellation,
        *,
        choice: str,
        by: Any,
        refund_account: RefundAccount | None = None,
    ) -> PointCancellation:
        """Decide an open cancel or return that waits for staff (`needs_staff`). Returns it as it
        stands then.

        The gateway is asked first: what it has done already counts, whatever was chosen. SEND_AGAIN
        claims one more try with the same checksum (a return's from the newest answer);
        refund_account is needed for virtual accounts, because accounts are not kept. WAIT gives it
        another 7 days. GIVE_UP closes it as refused: a cancel's points go back, a return is left to
        the gateway.

        Raises NotAllowed where it does not wait for staff or an account is missing, GatewayError
        where the gateway cannot be asked. That it does not know the payment keeps nobody from
        giving up.
        """
        from billing.services.staff_decisions import decide_refund

        self.require_whole_table()
        return decide_refund(cancellation, choice=choice, by=by, refund_account=refund_account)

    def close_account(self, txn: PointTransaction, *, by: Any) -> ApplyResult:
        """Close the virtual account of a row that waits for its deposit. Returns what the gateway's
        answer changed.

        A deposit that was faster is credited as always. Raises NotAllowed where no account waits,
        GatewayError where the gateway refuses or cannot be asked. A second time: NotAllowed. After
        a try whose answer was lost, a refusal is taken for "closed already", unless money is there.
        """
        from billing.services.staff_decisions import close_account

        self.require_whole_table()
        return close_account(txn, by=by)

    def claim_unmatched_payment(self, imp_uid: str, *, user: Any, by: Any) -> ApplyResult:
        """Give a payment that no row knows to `user`: a row with the payment's own merchant_uid and
        amount, no attempt counted, then apply.

        Only for right money: whole won that is left, through no test channel. Raises NotAllowed
        where it is not, or where a row knows the merchant_uid (twice: NotAllowed), GatewayError,
        InvalidId.
        """
        from billing.services.staff_decisions import claim_unmatched_payment

        self.require_whole_table()
        return claim_unmatched_payment(imp_uid, user=user, by=by)

    def resolve(self, txn: PointTransaction, *, by: Any, note: str) -> PointTransaction:
        """Take a review off a row; what it said stays in review_note, with who resolved it and why.
        Twice: NotAllowed.
        """
        from billing.services.staff_decisions import resolve

        self.require_whole_table()
        return resolve(txn, by=by, note=note)


class PointTransaction(GatewayFacts):
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
    has_notes = models.BooleanField(default=False, help_text=_("Whether there are notes of it."))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    prepared_at = models.DateTimeField(null=True, blank=True)
    synced_at = models.DateTimeField(null=True, blank=True)
    next_check_at = models.DateTimeField(null=True, blank=True)

    # Ever heard of it at the doors that anybody may call. Few need no look at when they came.
    deliveries = models.PositiveIntegerField(default=0, editable=False)
    account_closed_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When staff closed the virtual account.")
    )

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
