"""What staff do about a cancel or return that is still open: ask how it ended, or decide."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from billing.db import permissions
from billing.managers.decisions import Choice
from billing.models import PointCancellation, PointTransaction
from billing_office import audit_log, columns, masking, review_notes
from billing_office.actions import confirmation
from billing_office.actions.payment_actions import how_it_went
from billing_office.base import MoneyAdmin
from billing_office.formatting import moment, money, points
from billing_office.forms import SettleForm


def _open_one(admin: MoneyAdmin, request: HttpRequest, object_id: str) -> PointCancellation:
    """The cancel or return of this address, for who may settle it."""
    found: PointCancellation = admin.row(
        request,
        object_id,
        admin.get_queryset(request).select_related("txn__owner__user"),
        permission=permissions.CANCEL,
    )
    return found


def _about(one: PointCancellation) -> list[tuple[str, Any]]:
    return [
        (_("Payment"), one.txn.merchant_uid),
        (_("Kind"), f"{one.get_kind_display()} #{one.pk}"),
        (_("Amount"), money(one.amount, one.currency)),
        (_("State"), one.get_state_display()),
        (_("Sent"), f"{moment(one.sent_at)} ({one.tries})"),
        (_("Remark"), review_notes.shown(one.error)),
    ]


def finish(admin: MoneyAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """Ask the gateway how it stands, and take the next step of itself: what reconcile does, now."""
    one = _open_one(admin, request, object_id)

    def act(found: dict[str, Any]) -> confirmation.Told:
        with audit_log.logged_action(
            request, one.txn, "finish", **audit_log.money_facts(one)
        ) as facts:
            done = PointTransaction.objects.finish(one)
            facts.update(audit_log.money_facts(done), result=done.state)
        return how_it_went(done)

    return confirmation.walk(
        admin,
        request,
        title=_("Ask how it ended"),
        make_form=confirmation.NoForm,
        explain=lambda found: [
            _("The gateway is asked what it has cancelled of payment %(imp_uid)s.")
            % {"imp_uid": one.imp_uid},
            _(
                "Where it has done it, it is closed as done. Where surely nothing happened, "
                "the points go back to the member."
            ),
            _(
                "Sent again it is only where that can happen once, and at the earliest 15 "
                "minutes after the last try."
            ),
        ],
        act=act,
        button=_("Ask the gateway"),
        back=columns.payment_url(one.txn_id),
        about=_about(one),
    )


def settle(admin: MoneyAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """Decide what nothing but staff can tell."""
    one = _open_one(admin, request, object_id)
    back = columns.payment_url(one.txn_id)
    if one.state not in one.OPEN or not one.needs_staff:
        messages.error(request, _("This does not wait for a decision."))
        return HttpResponseRedirect(back)
    form: SettleForm | None = None

    def make_form(data: Any) -> SettleForm:
        nonlocal form
        form = SettleForm(data, cancellation=one)
        return form

    def act(found: dict[str, Any]) -> confirmation.Told:
        choice = found["choice"]
        account = form.account() if form else None
        with audit_log.logged_action(
            request, one.txn, choice, **audit_log.money_facts(one)
        ) as facts:
            done = PointTransaction.objects.decide_refund(
                one, choice=choice, by=request.user, refund_account=account
            )
            facts.update(audit_log.money_facts(done), result=done.state)
        return how_it_went(done)

    return confirmation.walk(
        admin,
        request,
        title=_("Decide"),
        make_form=make_form,
        explain=lambda found: _what_it_does(one, found),
        act=act,
        button=_("Do this"),
        back=back,
        about=[*_about(one), (_("Member"), masking.login(one.txn.owner.user.get_username()))],
        danger=True,
    )


def _what_it_does(one: PointCancellation, found: dict[str, Any]) -> list[str]:
    amount = money(one.amount, one.currency)
    is_return = one.kind == PointCancellation.Kind.MISMATCH_REFUND
    said = [
        _(
            "The gateway is asked first: if it has done it already, that counts, whatever is "
            "chosen here."
        )
    ]
    if found["choice"] == Choice.SEND_AGAIN:
        said.append(
            _(
                "%(amount)s are sent once more. Do this only if the gateway's console shows "
                "nothing registered."
            )
            % {"amount": amount}
        )
        if found.get("refund_account"):
            said.append(
                _("To account %(account)s.") % {"account": masking.account(found["refund_account"])}
            )
    elif found["choice"] == Choice.WAIT:
        said.append(_("It counts as accepted: reconcile looks for 7 more days."))
    elif is_return:
        said.append(
            _(
                "It is closed as not sent. %(amount)s stay at the gateway: send them back at "
                "its console."
            )
            % {"amount": amount}
        )
    else:
        said.append(
            _(
                "It is closed as refused, and %(points)s go back to the member. If the gateway "
                "pays later after all, they are taken again."
            )
            % {"points": points(int(one.amount))}
        )
    return said
