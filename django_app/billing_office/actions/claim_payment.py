"""A payment number that no transaction has: whose it is, and giving it to a member. The gateway is
asked before anything is promised.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.backends.utils import csrf_input
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from billing.db import permissions
from billing.errors import BillingError, GatewayError, InvalidId, NotAllowed
from billing.gateway.api import Deadline, gateway
from billing.gateway.payment import Payment, check_imp_uid
from billing.managers.applying import ApplyResult
from billing.managers.decisions import check_claimable
from billing.models import Point, PointTransaction
from billing.states import Status
from billing_office import audit_log, columns, error_messages, masking
from billing_office.actions import confirmation
from billing_office.actions.payment_actions import outcome
from billing_office.base import MoneyAdmin
from billing_office.formatting import money, points
from billing_office.forms import AdoptForm
from billing_office.pages import gateway_diff

rows = PointTransaction.objects


def ways_on(request: HttpRequest, imp_uid: str) -> SafeString:
    """What a list offers for a payment number that no transaction has. Nothing is asked before
    somebody presses.
    """
    found: list[SafeString] = []
    if request.user.has_perm(permissions.ASK):
        found.append(
            format_html(
                '<form method="post" action="{}" class="bo-actions">{}<input type="hidden" '
                'name="imp_uid" value="{}">'
                '<button type="submit" class="bo-button bo-main">{}</button></form>',
                reverse("admin:billing_pointtransaction_find"), csrf_input(request), imp_uid,
                _("Ask the gateway whose payment it is"),
            )
        )  # fmt: skip
    if request.user.has_perm(permissions.ADOPT):
        address = reverse("admin:billing_pointtransaction_adopt")
        words = _("Claim it for a member, if no transaction has its order")
        found.append(
            format_html(
                '<p class="bo-actions"><a class="bo-button" href="{}?imp_uid={}">{}</a></p>',
                address,
                imp_uid,
                words,
            )
        )
    return format_html_join("", "{}", ((one,) for one in found))


def find(admin: MoneyAdmin, request: HttpRequest) -> HttpResponse:
    """Ask the gateway about one payment number, and lead on: to its order where a transaction has
    it, else to the claim. One call.
    """
    if not admin.has_view_permission(request) or not request.user.has_perm(permissions.ASK):
        raise PermissionDenied
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    typed = request.POST.get("imp_uid", "").strip()[:64]
    back = f"{reverse('admin:billing_pointtransaction_changelist')}?{urlencode({'q': typed})}"
    try:
        payment = gateway().payment(
            check_imp_uid(typed), deadline=Deadline(gateway_diff.ASK_SECONDS)
        )
    except InvalidId:
        messages.error(request, _("This is no payment number: imp_ and 12 digits."))
        return HttpResponseRedirect(back)
    except GatewayError as error:
        messages.error(request, error_messages.words(error))
        return HttpResponseRedirect(back)
    txn = rows.filter(merchant_uid=payment.merchant_uid).first()
    if txn is not None:
        words = _(
            "Payment %(imp_uid)s belongs to this order. Ask the gateway below, and take its "
            "answer over."
        )
        messages.info(request, words % {"imp_uid": payment.imp_uid})
        return HttpResponseRedirect(columns.payment_url(txn.pk))
    if not request.user.has_perm(permissions.ADOPT):
        words = _(
            "%(facts)s No transaction has this order: somebody who may claim payments must decide."
        )
        messages.warning(request, words % {"facts": _facts(payment)})
        return HttpResponseRedirect(back)
    try:
        check_claimable(payment)
    except NotAllowed as error:
        messages.warning(request, f"{_facts(payment)} {error_messages.words(error)}")
        return HttpResponseRedirect(back)
    messages.info(
        request,
        _("%(facts)s No transaction has this order: it can be claimed for a member.")
        % {"facts": _facts(payment)},
    )
    address = reverse("admin:billing_pointtransaction_adopt")
    return HttpResponseRedirect(f"{address}?{urlencode({'imp_uid': payment.imp_uid})}")


def _facts(payment: Payment) -> str:
    """What the gateway says of it, in a sentence."""
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


def claim_unmatched_payment(admin: MoneyAdmin, request: HttpRequest) -> HttpResponse:
    """Give a payment that no row knows to a member."""
    if not admin.has_view_permission(request) or not request.user.has_perm(permissions.ADOPT):
        raise PermissionDenied
    users = get_user_model()._default_manager
    back = reverse("admin:billing_pointtransaction_changelist")
    start = {"imp_uid": request.GET.get("imp_uid", "")[:32]}

    def explain(found: dict[str, Any]) -> list[str]:
        payment = gateway().payment(found["imp_uid"], deadline=Deadline(gateway_diff.ASK_SECONDS))
        _must_be_free(payment)
        check_claimable(payment)
        member = {
            "member": masking.login(users.get(pk=found["member"]).get_username()),
            "points": points(int(payment.left)),
        }
        said = [
            _facts(payment),
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
        if Point.objects.filter(pk=found["member"], left_at__isnull=False).exists():
            said.insert(
                2,
                _(
                    "This member has left: nobody can spend the points, and the payment is "
                    "flagged for a refund."
                ),
            )
        return said

    def act(found: dict[str, Any]) -> confirmation.Told:
        try:
            applied = _adopted(request, found["imp_uid"], users.get(pk=found["member"]))
        except NotAllowed as error:
            txn = rows.filter(imp_uid=found["imp_uid"]).first()
            if txn is None:
                raise
            return messages.ERROR, error_messages.words(error), columns.payment_url(txn.pk)
        words = _("Adopted: %(points)s were credited.") % {"points": points(applied.points)}
        return messages.SUCCESS, words, columns.payment_url(applied.txn.pk)

    return confirmation.walk(
        admin, request, title=_("Adopt a payment"),
        make_form=lambda data: AdoptForm(data, initial=start), explain=explain, act=act,
        button=_("Adopt"), back=back, danger=True,
    )  # fmt: skip


def _must_be_free(payment: Payment) -> None:
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
    raise confirmation.Refused(
        format_html(words, order=order, member=columns.member_link(txn.owner))
    )


def _adopted(request: HttpRequest, imp_uid: str, member: Any) -> ApplyResult:
    """Do it; while no transaction knows the payment, what was tried stands on the member's page."""
    facts: dict[str, Any] = {"imp_uid": imp_uid}
    try:
        applied = rows.claim_unmatched_payment(imp_uid, user=member, by=request.user)
    except BillingError:
        with audit_log.logged_action(request, Point(pk=member.pk), "adopt", **facts):
            raise
    audit_log.record(request, applied.txn, "adopt", **facts, result=outcome([applied], -1))
    return applied
