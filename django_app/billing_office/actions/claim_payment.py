"""Give a payment that no transaction has to a member. The gateway is asked before anything is
promised.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.admin_site import admin_url
from billing.db import permissions
from billing.errors import BillingError, InvalidId, NotAllowed
from billing.gateway.api import Deadline, gateway
from billing.gateway.payment import Payment, check_imp_uid
from billing.models import ApplyResult, Point, PointTransaction
from billing.services.staff_decisions import check_claimable
from billing.states import Status
from billing.support.people import login_name
from billing_office import audit_log, columns, error_messages, masking, searching
from billing_office.actions.form_fields import StaffForm
from billing_office.actions.results import apply_outcome
from billing_office.actions.staff_action import ActionResult, Refused, StaffAction
from billing_office.formatting import money, points
from billing_office.gateway_lookup import ASK_SECONDS

rows = PointTransaction.objects


class ClaimForm(StaffForm):
    """A payment that no row knows, and the member to whom it belongs."""

    imp_uid = forms.CharField(label=gettext_lazy("Payment number (imp_uid)"), max_length=32)
    member = forms.CharField(label=gettext_lazy("Member: login name or e-mail"), max_length=200)

    def clean_imp_uid(self) -> str:
        try:
            return check_imp_uid(self.cleaned_data["imp_uid"].strip())
        except InvalidId:
            raise ValidationError(_("This is no payment number: imp_ and 12 digits.")) from None

    def clean_member(self) -> Any:
        """The member's key."""
        keys = searching.members(self.cleaned_data["member"].strip())
        if len(keys) != 1:
            raise ValidationError(
                _("Nobody has this name.")
                if not keys
                else _("Several members have this address: give the login name.")
            )
        return keys[0]


def payment_facts(payment: Payment) -> str:
    """What the gateway says of a payment, in a sentence."""
    return _(
        "The gateway has %(imp_uid)s: order %(merchant_uid)s, %(amount)s, %(left)s of it left "
        "(%(status)s)."
    ) % {
        "imp_uid": payment.imp_uid,
        "merchant_uid": payment.merchant_uid,
        "amount": money(payment.amount, payment.currency),
        "left": money(payment.left, payment.currency),
        "status": dict(Status.choices).get(payment.status, payment.status),
    }


class ClaimPayment(StaffAction):
    """A transaction is made for it, and what is left is credited."""

    model = PointTransaction
    name = "adopt"
    permission = permissions.CLAIM_PAYMENT
    title = gettext_lazy("Adopt a payment")
    confirm_button = gettext_lazy("Adopt")
    danger = True
    is_about_a_row = False
    audit_texts = {"adopt": gettext_lazy("Adopted the payment %(imp_uid)s: %(result)s")}

    @classmethod
    def url_for(cls, imp_uid: str) -> str:
        """The form, with this payment number in it."""
        return f"{cls.url()}?{urlencode({'imp_uid': imp_uid})}"

    def back_url(self) -> str:
        return admin_url("billing_pointtransaction_changelist")

    def form(self, data: Any) -> ClaimForm:
        return ClaimForm(data, initial={"imp_uid": self.request.GET.get("imp_uid", "")[:32]})

    def explain(self, data: dict[str, Any]) -> list[str]:
        payment = gateway().payment(data["imp_uid"], deadline=Deadline(ASK_SECONDS))
        _refuse_known_order(payment)
        check_claimable(payment)
        member = {
            "member": masking.login(login_name(_member(data))),
            "points": points(int(payment.left)),
        }
        sentences = [
            payment_facts(payment),
            _(
                "A transaction is made for %(member)s, and what is left is credited as points: "
                "%(points)s."
            )
            % member,
            _(
                "It cannot be given to somebody else afterwards: make sure that it is this "
                "member's payment."
            ),
        ]
        if Point.objects.filter(pk=data["member"], left_at__isnull=False).exists():
            sentences.insert(
                2,
                _(
                    "This member has left: nobody can spend the points, and the payment is "
                    "flagged for a refund."
                ),
            )
        return sentences

    def act(self, data: dict[str, Any]) -> ActionResult:
        try:
            applied = self._claim(data["imp_uid"], _member(data))
        except NotAllowed as error:
            txn = rows.filter(imp_uid=data["imp_uid"]).first()
            if txn is None:
                raise
            return ActionResult(
                messages.ERROR, error_messages.words(error), columns.payment_url(txn.pk)
            )
        words = _("Adopted: %(points)s were credited.") % {"points": points(applied.points)}
        return ActionResult(messages.SUCCESS, words, columns.payment_url(applied.txn.pk))

    def _claim(self, imp_uid: str, member: Any) -> ApplyResult:
        """Do it; while no transaction knows the payment, what was tried stands on the member's
        page.
        """
        try:
            applied = rows.claim_unmatched_payment(imp_uid, user=member, by=self.request.user)
        except BillingError:
            with self.logged(Point(pk=member.pk), imp_uid=imp_uid):
                raise
        audit_log.record(
            self.request,
            applied.txn,
            self.name,
            imp_uid=imp_uid,
            result=apply_outcome([applied], -1),
        )
        return applied


def _member(data: dict[str, Any]) -> Any:
    return get_user_model()._default_manager.get(pk=data["member"])


def _refuse_known_order(payment: Payment) -> None:
    """Refused, with the way to it, where a transaction has this order: it is that member's, whoever
    was named.
    """
    txn = rows.select_related("owner__user").filter(merchant_uid=payment.merchant_uid).first()
    if txn is None:
        return
    order = format_html(
        '<a class="bo-link" href="{}">{}</a>', columns.payment_url(txn.pk), txn.merchant_uid
    )
    words = _(
        "A transaction has this order: {order} of {member}. Nothing is to be claimed: ask the "
        "gateway there, and take it over."
    )
    raise Refused(format_html(words, order=order, member=columns.member_link(txn.owner)))
