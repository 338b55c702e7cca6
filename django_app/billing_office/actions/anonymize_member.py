"""A member leaves: personal data are overwritten (`personal_data.py`) and the login is closed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.db import permissions
from billing.db.routing import primary
from billing.db.transactions import money_transaction
from billing.models import Point, PointCancellation, PointTransaction
from billing.states import Status
from billing.support.people import login_name
from billing_office import audit_log, columns, masking, personal_data
from billing_office.actions.staff_action import ActionResult, Refused, StaffAction
from billing_office.formatting import moment, points

WINDOW = timedelta(minutes=60)  # a payment window that was opened may still be paid in for so long


class AnonymizeForm(forms.Form):
    """Whether. balance: what the page told, in points."""

    balance = forms.IntegerField(required=False, widget=forms.HiddenInput)


class AnonymizeMember(StaffAction):
    """Overwrite and close. Staff, and members whose money is still on its way, are refused. row:
    the member's user, who may have no account yet.
    """

    model = Point
    name = "leave"
    permission = permissions.ANONYMIZE_MEMBER
    title = gettext_lazy("The member leaves")
    confirm_button = gettext_lazy("Scrub and close")
    danger = True
    asks_nothing = True
    audit_texts = {"leave": gettext_lazy("Let the member leave: personal data scrubbed")}

    @classmethod
    def is_offered(cls, row: Any) -> bool:
        return bool(row.is_active)

    def load(self, object_id: str) -> None:
        self.row = self.admin.member(self.request, object_id, permission=self.permission)
        self.balance = Point.objects.balance_of(self.row)

    def back_url(self) -> str:
        return columns.member_url(self.row.pk)

    def refusal(self) -> str:
        if getattr(self.row, "is_staff", False) or getattr(self.row, "is_superuser", False):
            return _("Staff cannot leave like this: take their rights away first.")
        return reason_to_wait(self.row)

    def form(self, data: Any) -> AnonymizeForm:
        return AnonymizeForm(data)

    def unasked_data(self) -> dict[str, Any]:
        return {"balance": self.balance}

    def about(self) -> list[tuple[Any, Any]]:
        return [
            (_("Member"), masking.login(login_name(self.row))),
            (_("Balance"), points(self.balance)),
        ]

    def explain(self, data: dict[str, Any]) -> list[str]:
        sentences = [
            _(
                "Login name, name and e-mail are overwritten, the password is removed, all "
                "sessions end. This cannot be undone."
            ),
            _(
                "Records of payments stay, as the law asks: amounts, times, the gateway's numbers, "
                "the ledger."
            ),
        ]
        if self.balance > 0:
            words = _(
                "%(points)s are left, which nobody can spend any more. Refund them first, if they "
                "are owed."
            )
            sentences.insert(0, words % {"points": points(self.balance)})
        return sentences

    def act(self, data: dict[str, Any]) -> ActionResult:
        anonymize_and_close(self.row, balance_shown=data["balance"])
        audit_log.record(self.request, Point(pk=self.row.pk), self.name)
        return ActionResult(
            messages.SUCCESS,
            _("The member has left: personal data are scrubbed, the login is closed."),
        )


def reason_to_wait(user: Any) -> str:
    """Why money of this member may still arrive or go, and until when; "" where none may.

    An account that waits for its deposit, an open cancel or return, an attempt whose payment window
    may still be open.
    """
    rows = primary(PointTransaction).filter(owner_id=user.pk)
    waiting = rows.filter(
        status=Status.READY, next_check_at__isnull=False, account_closed_at__isnull=True
    ).exclude(vbank_num="")
    if waiting.exists() or rows.filter(cancellations__state__in=PointCancellation.OPEN).exists():
        return _(
            "A deposit or a cancel of this member is still open. Wait until it is done, or "
            "settle it."
        )
    unpaid = rows.filter(
        status__in=[Status.READY, Status.FAILED],
        credited_at__isnull=True,
        account_closed_at__isnull=True,
    )
    newest = unpaid.filter(created_at__gt=timezone.now() - WINDOW).order_by("-created_at").first()
    if newest is None:
        return ""
    words = _(
        "A payment begun at %(began)s may still be paid in the gateway's window. The member "
        "can leave from %(until)s on."
    )
    return words % {"began": moment(newest.created_at), "until": moment(newest.created_at + WINDOW)}


def anonymize_and_close(user: Any, *, balance_shown: int | None) -> None:
    """Anonymize and close under the lock of the member's points, where everything is looked at once
    more. Raises Refused.

    A payment that is applied at the same moment comes before, and is seen here, or after, and finds
    `left_at`: it is credited and flagged. balance_shown: points that the page named; others by now
    keep the member from leaving.
    """
    accounts = Point.objects
    with money_transaction():
        # The user first, as projects lock theirs before ours (docs/money.md); in full, because the
        # login name, a key, changes.
        primary(type(user)).select_for_update().filter(pk=user.pk).first()
        accounts.bulk_create([Point(pk=user.pk)], ignore_conflicts=True)
        # Transactions, cancellations, points, as everywhere: all of them are written into.
        transactions = PointTransaction.objects.filter(owner_id=user.pk)
        list(transactions.order_by("pk").select_for_update(no_key=True).values_list("pk"))
        cancellations = PointCancellation.objects.filter(
            Q(txn__in=transactions.values("pk")) | Q(by=user)
        )
        list(cancellations.order_by("pk").select_for_update(no_key=True).values_list("pk"))
        account = accounts.select_for_update(no_key=True).get(pk=user.pk)
        if why := reason_to_wait(user):
            raise Refused(why)
        if balance_shown not in (None, account.balance):
            raise Refused(
                _("The member's balance has changed since this page was opened. Look at it again.")
            )
        accounts.filter(pk=user.pk, left_at__isnull=True).update(left_at=timezone.now())
        personal_data.anonymize(user)
