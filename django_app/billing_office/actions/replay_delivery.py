"""Do once more what a delivery asks for: fetch the payment from the gateway, and apply what it
says.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.db import permissions
from billing.db.routing import write_alias
from billing.errors import GatewayError, GatewayPaymentNotFound, UnmatchedPaymentError
from billing.gateway.api import Deadline
from billing.models import PointTransaction, WebhookEvent
from billing.webhooks import retry
from billing_office import audit_log, columns
from billing_office.actions.staff_action import ActionResult, ImmediateAction
from billing_office.gateway_lookup import ASK_SECONDS

Outcome = WebhookEvent.Outcome
FAILED = "failed"  # the gateway gave no usable answer


class ReplayDelivery(ImmediateAction):
    """What the delivery itself claims is never believed."""

    model = WebhookEvent
    name = "replay"
    permission = permissions.ASK
    title = gettext_lazy("Replay")
    audit_texts = {"replay": gettext_lazy("Replayed a delivery: %(result)s")}

    row: WebhookEvent

    def back_url(self) -> str:
        return columns.delivery_url(self.row.pk)

    def act(self, data: dict[str, Any]) -> ActionResult:
        event = self.row
        result = _replay(event)
        txn = PointTransaction.objects.filter(merchant_uid=event.merchant_uid).first()
        audit_log.record(self.request, event, self.name, result=result)
        if txn is not None:
            audit_log.record(self.request, txn, self.name, result=result)
        return _words(result)


def _replay(event: WebhookEvent) -> str:
    """An outcome, or FAILED. A delivery that was closed before stays as it is; its payment is
    fetched all the same.
    """
    if event.outcome == Outcome.PENDING:
        retry.try_again(event, deadline=Deadline(ASK_SECONDS))
        event.refresh_from_db(using=write_alias(WebhookEvent))
        return event.outcome
    try:
        PointTransaction.objects.sync(event.imp_uid, deadline=Deadline(ASK_SECONDS))
    except (UnmatchedPaymentError, GatewayPaymentNotFound):
        return Outcome.IGNORED.value
    except GatewayError:
        return FAILED
    return Outcome.DONE.value


def _words(result: str) -> ActionResult:
    if result == Outcome.DONE:
        return ActionResult(
            messages.SUCCESS,
            _("Replayed: the gateway was asked, and the transaction is as it says."),
        )
    if result == Outcome.IGNORED:
        words = _(
            "Replayed and ignored: no transaction of ours, or a payment that the gateway does "
            "not know."
        )
        return ActionResult(messages.INFO, words)
    if result == Outcome.PENDING:
        words = _(
            "The gateway gave no usable answer. The delivery stays pending, and reconcile "
            "tries it again."
        )
        return ActionResult(messages.WARNING, words)
    return ActionResult(
        messages.ERROR, _("The gateway gave no usable answer. Please try again shortly.")
    )
