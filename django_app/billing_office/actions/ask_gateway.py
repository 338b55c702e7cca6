"""Ask the gateway about a payment, and take over what it says."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.db import permissions
from billing.errors import GatewayError
from billing.models import PointTransaction
from billing_office import audit_log, columns, error_messages, gateway_lookup
from billing_office.actions.results import apply_outcome
from billing_office.actions.staff_action import ActionResult, ImmediateAction
from billing_office.formatting import points

rows = PointTransaction.objects


class AskGateway(ImmediateAction):
    """Take over what the gateway says now of every payment of this order."""

    model = PointTransaction
    name = "sync"
    permission = permissions.ASK
    title = gettext_lazy("Take it over")
    audit_texts = {"sync": gettext_lazy("Asked the gateway and took its answer over: %(result)s")}

    row: PointTransaction

    def back_url(self) -> str:
        return columns.payment_url(self.row.pk)

    def act(self, data: dict[str, Any]) -> ActionResult:
        txn = self.row
        answer = gateway_lookup.ask(txn)
        try:
            if answer.trouble:
                raise answer.trouble
            applied = [rows.apply(payment) for payment in answer.payments]
        except GatewayError as error:
            audit_log.record(
                self.request, txn, self.name, result="failed", error=type(error).__name__
            )
            return ActionResult(messages.ERROR, error_messages.words(error))
        outcome = apply_outcome(applied, txn.version)
        audit_log.record(self.request, txn, self.name, result=outcome)
        return ActionResult(messages.SUCCESS, _words(outcome, sum(one.points for one in applied)))


def _words(outcome: str, gained: int) -> str:
    return {
        "charged": _("The gateway was asked: %(points)s were credited.")
        % {"points": points(gained)},
        "cancelled": _("The gateway was asked: %(points)s were taken back.")
        % {"points": points(-gained)},
        "return": _("The gateway was asked: wrong money of this order is sent back."),
        "changed": _("The gateway was asked, and its answer taken over."),
        "nothing": _("The gateway was asked: nothing new."),
    }[outcome]
