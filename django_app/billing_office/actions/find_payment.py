"""A payment number that no transaction has: ask the gateway whose it is. Changes nothing."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.backends.utils import csrf_input
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.admin_site import admin_url
from billing.db import permissions
from billing.errors import GatewayError, InvalidId, NotAllowed
from billing.gateway.api import Deadline, gateway
from billing.gateway.payment import check_imp_uid
from billing.models import PointTransaction
from billing.services.staff_decisions import check_claimable
from billing_office import columns, error_messages
from billing_office.actions.claim_payment import ClaimPayment, payment_facts
from billing_office.actions.staff_action import ActionResult, ImmediateAction
from billing_office.base import MoneyAdmin
from billing_office.gateway_lookup import ASK_SECONDS


class FindPayment(ImmediateAction):
    """Leads on: to the payment's order where a transaction has it, else to the claim. One call."""

    model = PointTransaction
    name = "find"
    permission = permissions.ASK
    title = gettext_lazy("Ask the gateway whose payment it is")
    is_about_a_row = False

    @classmethod
    def view(cls, admin: MoneyAdmin, request: HttpRequest, object_id: str = "") -> HttpResponse:
        """403 goes before 405 here: there is no row that somebody would have to see first."""
        admin.check_permission(request, cls.permission)
        return super().view(admin, request, object_id)

    @property
    def typed(self) -> str:
        return self.request.POST.get("imp_uid", "").strip()[:64]

    def back_url(self) -> str:
        """The search that found nothing."""
        transactions = admin_url("billing_pointtransaction_changelist")
        return f"{transactions}?{urlencode({'q': self.typed})}"

    def act(self, data: dict[str, Any]) -> ActionResult:
        try:
            payment = gateway().payment(check_imp_uid(self.typed), deadline=Deadline(ASK_SECONDS))
        except InvalidId:
            return ActionResult(messages.ERROR, _("This is no payment number: imp_ and 12 digits."))
        except GatewayError as error:
            return ActionResult(messages.ERROR, error_messages.words(error))
        txn = PointTransaction.objects.filter(merchant_uid=payment.merchant_uid).first()
        if txn is not None:
            words = _(
                "Payment %(imp_uid)s belongs to this order. Ask the gateway below, and take its "
                "answer over."
            )
            return ActionResult(
                messages.INFO, words % {"imp_uid": payment.imp_uid}, columns.payment_url(txn.pk)
            )
        facts = {"facts": payment_facts(payment)}
        if not self.request.user.has_perm(permissions.CLAIM_PAYMENT):
            words = _(
                "%(facts)s No transaction has this order: somebody who may claim payments must "
                "decide."
            )
            return ActionResult(messages.WARNING, words % facts)
        try:
            check_claimable(payment)
        except NotAllowed as error:
            return ActionResult(messages.WARNING, f"{facts['facts']} {error_messages.words(error)}")
        words = _("%(facts)s No transaction has this order: it can be claimed for a member.")
        return ActionResult(messages.INFO, words % facts, ClaimPayment.url_for(payment.imp_uid))


def lookup_buttons(request: HttpRequest, imp_uid: str) -> SafeString:
    """What a list offers for a payment number that no transaction has. Nothing is asked before
    somebody presses.
    """
    offered: list[SafeString] = []
    if request.user.has_perm(permissions.ASK):
        offered.append(
            format_html(
                '<form method="post" action="{}" class="bo-actions">{}<input type="hidden" '
                'name="imp_uid" value="{}">'
                '<button type="submit" class="bo-button bo-main">{}</button></form>',
                FindPayment.url(), csrf_input(request), imp_uid,
                FindPayment.title,
            )
        )  # fmt: skip
    if request.user.has_perm(permissions.CLAIM_PAYMENT):
        words = _("Claim it for a member, if no transaction has its order")
        offered.append(
            format_html(
                '<p class="bo-actions"><a class="bo-button" href="{}">{}</a></p>',
                ClaimPayment.url_for(imp_uid),
                words,
            )
        )
    return format_html_join("", "{}", ((one,) for one in offered))
