"""Correct a member's balance by an entry of its own, with a reason."""

from __future__ import annotations

import re
import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.db import permissions
from billing.db.routing import primary
from billing.errors import IdempotencyConflict, InsufficientPoints
from billing.models import Point, PointEntry
from billing.services.points import MOST_POINTS
from billing.support.people import login_name
from billing_office import columns, masking
from billing_office.actions.form_fields import REASON, StaffForm, whole_number
from billing_office.actions.staff_action import ActionResult, Button, StaffAction
from billing_office.formatting import points


class AdjustForm(StaffForm):
    """A correction of a balance. key: names this form, so that it corrects once however often it is
    sent.
    """

    points = forms.CharField(
        label=gettext_lazy("Points, with + or −"),
        max_length=20,
        help_text=gettext_lazy("For example +5,000 or −300."),
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=REASON)
    key = forms.RegexField(r"^[0-9a-f-]{36}$", widget=forms.HiddenInput)

    def clean_points(self) -> int:
        typed = self.cleaned_data["points"].strip().replace("−", "-")
        number = whole_number(typed.lstrip("+-")) if re.fullmatch(r"[+-]?[0-9,]+", typed) else None
        if number is None or number > MOST_POINTS:
            raise ValidationError(_("A whole number of points, such as +5,000 or −300."))
        return -number if typed.startswith("-") else number


class AdjustPoints(StaffAction):
    """Write an entry that corrects the balance. row: the member's user, who may have no account
    yet.
    """

    model = Point
    name = "adjust"
    permission = permissions.ADJUST
    title = gettext_lazy("Correct the balance")
    confirm_button = gettext_lazy("Correct it")
    danger = True
    audit_texts = {
        "adjust": gettext_lazy("Corrected the balance by %(points)s: %(result)s · “%(note)s”")
    }

    @classmethod
    def buttons(cls, row: Any) -> list[Button]:
        return [Button(cls.title, cls.url(row))]  # red on the confirmation only

    def load(self, object_id: str) -> None:
        self.row = self.admin.member(self.request, object_id, permission=self.permission)
        self.balance = Point.objects.balance_of(self.row)

    def back_url(self) -> str:
        return columns.member_url(self.row.pk)

    def form(self, data: Any) -> AdjustForm:
        return AdjustForm(data, initial={"key": str(uuid.uuid4())})

    def about(self) -> list[tuple[Any, Any]]:
        return [
            (_("Member"), masking.login(login_name(self.row))),
            (_("Balance"), points(self.balance)),
        ]

    def explain(self, data: dict[str, Any]) -> list[str]:
        after = self.balance + data["points"]
        change = {
            "points": points(data["points"], signed=True),
            "before": points(self.balance),
            "after": points(after),
        }
        sentences = [
            _("An entry of %(points)s is written: %(before)s become %(after)s.") % change,
            _(
                "Entries are never changed or deleted; a mistake is corrected by another "
                "entry. No money moves at the gateway."
            ),
            _("The reason stays with it: “%(note)s”") % {"note": data["reason"]},
        ]
        if after < 0:
            sentences.insert(1, _("The balance would fall below zero, so it will be refused."))
        return sentences

    def act(self, data: dict[str, Any]) -> ActionResult:
        try:
            entry = self._adjust(data)
        except InsufficientPoints as error:
            words = _(
                "The balance would fall below zero: %(missing)s are missing. Nothing was changed."
            )
            return ActionResult(messages.ERROR, words % {"missing": points(error.missing)})
        except IdempotencyConflict:
            words = _(
                "This form has been used already, for another number of points. Nothing was "
                "changed."
            )
            return ActionResult(messages.ERROR, words)
        words = _("The balance was corrected by %(points)s.")
        return ActionResult(messages.SUCCESS, words % {"points": points(entry.delta, signed=True)})

    def _adjust(self, data: dict[str, Any]) -> PointEntry:
        """The entry, written down where this made it: the same form sent twice is one action."""
        wanted = {
            "user": self.row,
            "delta": data["points"],
            "idempotency_key": data["key"],
            "reason": data["reason"],
            "by": self.request.user,
        }
        same = primary(PointEntry).filter(
            owner_id=self.row.pk,
            kind=PointEntry.Kind.ADJUST,
            idempotency_key=data["key"],
            delta=data["points"],
        )
        if same.exists():
            return Point.objects.adjust(**wanted)
        with self.logged(
            Point(pk=self.row.pk),
            points=data["points"],
            note=data["reason"],
            key=data["key"],
            result="done",
        ):
            return Point.objects.adjust(**wanted)
