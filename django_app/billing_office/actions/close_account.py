"""Close a virtual account that nobody has paid into."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.db import permissions
from billing.errors import GatewayUnreachable, InvalidGatewayResponse
from billing.models import PointTransaction
from billing.states import Status
from billing_office import columns, masking
from billing_office.actions.staff_action import ActionResult, StaffAction
from billing_office.formatting import points, won


class CloseAccount(StaffAction):
    """The account takes no deposit any more."""

    model = PointTransaction
    name = "close_account"
    permission = permissions.CANCEL
    title = gettext_lazy("Close the virtual account")
    confirm_button = gettext_lazy("Close the account")
    danger = True
    asks_nothing = True
    audit_texts = {"close_account": gettext_lazy("Closed the virtual account: %(result)s")}

    row: PointTransaction

    @classmethod
    def is_offered(cls, row: PointTransaction) -> bool:
        return bool(
            not row.is_matched
            and row.status == Status.READY
            and row.vbank_num
            and not row.account_closed_at
        )

    def back_url(self) -> str:
        return columns.payment_url(self.row.pk)

    def about(self) -> list[tuple[Any, Any]]:
        return [(_("Payment"), self.row.merchant_uid), (_("Amount"), won(self.row.amount))]

    def explain(self, data: dict[str, Any]) -> list[str]:
        return [
            _("The account %(account)s at %(bank)s takes no deposit any more.")
            % {"account": masking.account(self.row.vbank_num), "bank": self.row.vbank_name},
            _("The attempt ends without a payment. No points move."),
            _(
                "If the member has paid in meanwhile, the gateway refuses, and the deposit is "
                "credited as always."
            ),
        ]

    def act(self, data: dict[str, Any]) -> ActionResult:
        with self.logged(self.row) as logged:
            try:
                applied = PointTransaction.objects.close_account(self.row, by=self.request.user)
            except (GatewayUnreachable, InvalidGatewayResponse) as error:
                if getattr(error, "surely_not_sent", False):
                    raise
                logged.update(result="unknown", **error.trouble.columns())
                return ActionResult(
                    messages.WARNING,
                    _("Not known yet whether the account is closed: ask the gateway."),
                )
            logged["result"] = "charged" if applied.points else "done"
        if applied.points:
            words = _("The deposit was faster: %(points)s were credited.")
            return ActionResult(messages.WARNING, words % {"points": points(applied.points)})
        return ActionResult(messages.SUCCESS, _("The virtual account is closed."))
