"""Take a review off, with a note that stays."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.db import permissions
from billing.models import PointTransaction
from billing_office import columns
from billing_office.actions.form_fields import StaffForm
from billing_office.actions.staff_action import ActionResult, StaffAction


class ResolveForm(StaffForm):
    """Why a review is no longer needed."""

    note = forms.CharField(
        label=gettext_lazy("What was found and done"),
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class ResolveReview(StaffAction):
    """What was to be reviewed has been seen to."""

    model = PointTransaction
    name = "resolve"
    permission = permissions.CANCEL
    title = gettext_lazy("Resolve the review")
    confirm_button = gettext_lazy("Resolve")
    audit_texts = {"resolve": gettext_lazy("Resolved the review: %(result)s · “%(note)s”")}

    row: PointTransaction

    @classmethod
    def is_offered(cls, row: PointTransaction) -> bool:
        return bool(row.review)

    def back_url(self) -> str:
        return columns.payment_url(self.row.pk)

    def form(self, data: Any) -> ResolveForm:
        return ResolveForm(data)

    def about(self) -> list[tuple[Any, Any]]:
        return [
            (_("Payment"), self.row.merchant_uid),
            (_("Review"), self.row.get_review_display()),
        ]

    def explain(self, data: dict[str, Any]) -> list[str]:
        return [
            _("The flag “%(review)s” is taken off. No money moves.")
            % {"review": self.row.get_review_display()},
            _("Your note stays with the payment: “%(note)s”") % {"note": data["note"]},
        ]

    def act(self, data: dict[str, Any]) -> ActionResult:
        with self.logged(self.row, note=data["note"], result="done"):
            PointTransaction.objects.resolve(self.row, by=self.request.user, note=data["note"])
        return ActionResult(messages.SUCCESS, _("The review is resolved."))
