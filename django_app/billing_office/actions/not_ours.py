"""Say of payments that no transaction knows that they are another shop's."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from billing.admin_site import admin_url
from billing.db import permissions
from billing.models import UnmatchedPayment, unmatched
from billing_office import audit_log
from billing_office.actions.form_fields import StaffForm
from billing_office.actions.staff_action import ActionResult, StaffAction
from billing_office.formatting import money
from billing_office.listing import key_of

MOST_AT_ONCE = 100  # of them at a time are decided together
NAMED = 10  # on the page that says what will happen


class NotOursForm(StaffForm):
    """Payments of another shop, and how that is known. rows: their keys, with commas between."""

    reason = forms.CharField(
        label=gettext_lazy("How it is known that they are not ours"), max_length=unmatched.REASON
    )
    rows = forms.CharField(widget=forms.HiddenInput)

    def clean_rows(self) -> list[int]:
        """Their keys, each once."""
        typed = list(dict.fromkeys(self.cleaned_data["rows"].split(",")))
        keys = [key_of(UnmatchedPayment._meta.pk, one) for one in typed]
        if len(keys) > MOST_AT_ONCE or None in keys:
            raise ValidationError(_("These are no payments of the list: choose them again."))
        return keys


class NotOurs(StaffAction):
    """Take the chosen payments off the list. ?row=1&row=2: which."""

    model = UnmatchedPayment
    name = "not_ours"
    permission = permissions.CLAIM_PAYMENT
    title = gettext_lazy("These payments are not ours")
    confirm_button = gettext_lazy("Not ours")
    danger = True
    is_about_a_row = False
    audit_texts = {
        "not_ours": gettext_lazy("Said that the payment %(imp_uid)s is not ours · “%(note)s”")
    }

    @property
    def chosen(self) -> list[str]:
        return self.request.GET.getlist("row")[:MOST_AT_ONCE]

    def back_url(self) -> str:
        return admin_url("billing_unmatchedpayment_changelist")

    def refusal(self) -> str:
        is_first_page = self.request.method in ("GET", "HEAD")
        return _("Choose payments first.") if is_first_page and not self.chosen else ""

    def form(self, data: Any) -> NotOursForm:
        return NotOursForm(data, initial={"rows": ",".join(self.chosen)})

    def explain(self, data: dict[str, Any]) -> list[str]:
        rows = list(
            UnmatchedPayment.objects.waiting()
            .filter(pk__in=data["rows"])
            .order_by("-first_seen", "-pk")
        )
        sentences = [
            ngettext(
                "%(number)s payment is taken off the list, as one of another shop. No money "
                "moves, and nobody gets points.",
                "%(number)s payments are taken off the list, as those of another shop. No "
                "money moves, and nobody gets points.",
                len(rows),
            ) % {"number": f"{len(rows):,}"}
        ]  # fmt: skip
        sentences += [
            f"{row.imp_uid} ({row.merchant_uid}): {money(row.left, row.currency)}"
            for row in rows[:NAMED]
        ]
        if len(rows) > NAMED:
            sentences.append(_("… and %(number)s more") % {"number": f"{len(rows) - NAMED:,}"})
        sentences.append(
            _(
                "Whoever paid gets nothing from us then. It can still be claimed later, from "
                "the list of those that are not ours."
            )
        )
        return sentences

    def act(self, data: dict[str, Any]) -> ActionResult:
        rows = UnmatchedPayment.objects.not_ours(
            data["rows"], by=self.request.user, reason=data["reason"]
        )
        for row in rows:
            audit_log.record(
                self.request,
                row,
                self.name,
                imp_uid=row.imp_uid,
                note=data["reason"],
                result="done",
            )
        missed = len(data["rows"]) - len(rows)
        if missed:
            words = _("Not ours: %(number)s. Decided already, or without money by now: %(missed)s.")
            return ActionResult(
                messages.WARNING, words % {"number": f"{len(rows):,}", "missed": f"{missed:,}"}
            )
        return ActionResult(
            messages.SUCCESS, _("Not ours: %(number)s.") % {"number": f"{len(rows):,}"}
        )
