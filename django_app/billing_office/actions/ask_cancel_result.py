"""Ask how an open cancel or return ended, and take the next step of itself: what reconcile does,
now.
"""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.db import permissions
from billing.models import PointCancellation, PointTransaction
from billing_office import audit_log, columns, review_notes
from billing_office.actions.results import cancel_result
from billing_office.actions.staff_action import ActionResult, StaffAction
from billing_office.formatting import moment, money


class AskCancelResult(StaffAction):
    """Nothing is decided here; where the gateway tells nothing, staff decide (`decide_refund`)."""

    model = PointCancellation
    name = "finish"
    permission = permissions.CANCEL
    title = gettext_lazy("Ask how it ended")
    confirm_button = gettext_lazy("Ask the gateway")
    asks_nothing = True
    audit_texts = {
        "finish": gettext_lazy("Asked how the cancel of %(amount)s ended: %(result)s"),
        "finish return": gettext_lazy("Asked how the return of %(amount)s ended: %(result)s"),
    }

    row: PointCancellation

    @classmethod
    def is_offered(cls, row: PointCancellation) -> bool:
        return row.state in row.OPEN

    def rows(self) -> QuerySet[Any]:
        return super().rows().select_related("txn__owner__user")

    def back_url(self) -> str:
        return columns.payment_url(self.row.txn_id)

    def about(self) -> list[tuple[Any, Any]]:
        return cancellation_facts(self.row)

    def explain(self, data: dict[str, Any]) -> list[str]:
        return [
            _("The gateway is asked what it has cancelled of payment %(imp_uid)s.")
            % {"imp_uid": self.row.imp_uid},
            _(
                "Where it has done it, it is closed as done. Where surely nothing happened, "
                "the points go back to the member."
            ),
            _(
                "Sent again it is only where that can happen once, and at the earliest 15 "
                "minutes after the last try."
            ),
        ]

    def act(self, data: dict[str, Any]) -> ActionResult:
        with self.logged(self.row.txn, **audit_log.money_facts(self.row)) as logged:
            cancellation = PointTransaction.objects.finish(self.row)
            logged.update(audit_log.money_facts(cancellation), result=cancellation.state)
        return cancel_result(cancellation)


def cancellation_facts(row: PointCancellation) -> list[tuple[Any, Any]]:
    """What stands above a form about a cancel or return."""
    return [
        (_("Payment"), row.txn.merchant_uid),
        (_("Kind"), f"{row.get_kind_display()} #{row.pk}"),
        (_("Amount"), money(row.amount, row.currency)),
        (_("State"), row.get_state_display()),
        (_("Sent"), f"{moment(row.sent_at)} ({row.tries})"),
        (_("Remark"), review_notes.trouble_of(row)),
    ]
