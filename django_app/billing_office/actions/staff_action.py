"""What every action of staff has in common. To add one: copy a file of this folder, and add its
class to the list in `registry.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path

from billing.admin_site import admin_url
from billing.errors import BillingError
from billing_office import audit_log, error_messages
from billing_office.base import MoneyAdmin


class Refused(BillingError):
    """What a page of ours refuses before anything is asked for. words: for staff, HTML where it is
    marked as safe.
    """

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True)
class ActionResult:
    """How it went, for whoever did it. level: of django.contrib.messages; url: where to go instead
    of `StaffAction.back_url()`.
    """

    level: int
    words: str
    url: str = ""


@dataclass(frozen=True)
class Button:
    """What a page offers. danger: it moves money. fields: it sends these, and the page that it
    leads to asks before anything is done.
    """

    words: Any
    url: str
    danger: bool = False
    fields: tuple[tuple[str, str], ...] = ()


class NoForm(forms.Form):
    """Of an action that asks nothing but whether."""


class StaffAction:
    """One thing that staff do, in three steps: the form, a page that says exactly what will happen,
    the action. Only the last one changes anything.

    No step runs inside a transaction (Django's admin wraps one around its own form pages): what
    asks the gateway may not hold one. `row` is what the action is about, once `load` has found it.
    """

    model: ClassVar[type[Model]]  # whose list, or whose row's page, it hangs on
    name: ClassVar[str]  # in its address, and in the audit log
    permission: ClassVar[str]
    title: ClassVar[Any]
    page_button: ClassVar[Any] = ""  # on the row's page, where it is not the title
    confirm_button: ClassVar[Any] = ""
    danger: ClassVar[bool] = False
    asks_nothing: ClassVar[bool] = False  # the first page is the confirmation
    is_about_a_row: ClassVar[bool] = True
    # How the audit log reads: by the code that is written down, or "code kind".
    audit_texts: ClassVar[Mapping[str, Any]] = {}

    row: Any

    def __init__(self, admin: MoneyAdmin, request: HttpRequest) -> None:
        self.admin = admin
        self.request = request

    # -- what an action says of itself --

    def rows(self) -> QuerySet[Any]:
        """Where the row is looked for."""
        return self.admin.get_queryset(self.request)  # type: ignore[no-any-return]

    def load(self, object_id: str) -> None:
        """Find the row, and whatever else all steps need. 403 and 404 come from here."""
        if not self.is_about_a_row:
            self.admin.check_permission(self.request, self.permission)
            return
        self.row = self.admin.row(self.request, object_id, self.rows(), permission=self.permission)

    def refusal(self) -> str:
        """Why this cannot be done as things stand, before a form is shown; "" where it can."""
        return ""

    def form(self, data: Any) -> forms.Form:
        """What is asked. data: as it was sent, None for the first page."""
        return NoForm(data)

    def unasked_data(self) -> dict[str, Any]:
        """What the form of an action that asks nothing is filled with."""
        return {}

    def explain(self, data: dict[str, Any]) -> Sequence[str]:
        """What will happen, a sentence each. data: of the valid form."""
        raise NotImplementedError

    def act(self, data: dict[str, Any]) -> ActionResult:
        """Do it, and say how it went. A BillingError is told to the user."""
        raise NotImplementedError

    def about(self) -> Sequence[tuple[Any, Any]]:
        """(label, value) lines above the form."""
        return ()

    def back_url(self) -> str:
        """Where it leads afterwards, and where "Back" goes."""
        raise NotImplementedError

    @classmethod
    def is_offered(cls, row: Any) -> bool:
        """Whether this row's page offers it. The permission is asked for besides."""
        return True

    @classmethod
    def buttons(cls, row: Any) -> list[Button]:
        """What the row's page offers; an action on the list is offered there."""
        if not cls.is_about_a_row or not cls.is_offered(row):
            return []
        return [Button(cls.page_button or cls.title, cls.url(row), danger=cls.danger)]

    # -- its address --

    @classmethod
    def url_name(cls) -> str:
        return f"{cls.model._meta.app_label}_{cls.model._meta.model_name}_{cls.name}"

    @classmethod
    def url(cls, row: Any = None) -> str:
        return admin_url(cls.url_name(), *([row.pk] if cls.is_about_a_row else []))

    @classmethod
    def url_pattern(cls, admin: MoneyAdmin) -> URLPattern:
        prefix = "<str:object_id>/" if cls.is_about_a_row else ""
        return path(
            f"{prefix}{cls.name.replace('_', '-')}/",
            admin.admin_site.admin_view(partial(cls.view, admin)),
            name=cls.url_name(),
        )

    # -- the steps --

    @classmethod
    def view(cls, admin: MoneyAdmin, request: HttpRequest, object_id: str = "") -> HttpResponse:
        action = cls(admin, request)
        action.load(object_id)
        if why := action.refusal():
            messages.error(request, why)
            return HttpResponseRedirect(action.back_url())
        return action.next_step()

    def next_step(self) -> HttpResponse:
        """The form, the confirmation, or the action and a redirect."""
        request = self.request
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        is_sent = request.method == "POST"
        unasked = self.unasked_data() if self.asks_nothing else None
        form = self.form(request.POST if is_sent else unasked)
        if not form.is_bound or not form.is_valid() or (is_sent and "edit" in request.POST):
            return self.form_page(form)
        if not is_sent or request.POST.get("confirmed") != "yes":
            try:
                sentences = self.explain(form.cleaned_data)
            except BillingError as error:
                form.add_error(None, words_of(error))
                return self.form_page(form)
            return self.confirmation_page(form, sentences)
        try:
            result = self.act(form.cleaned_data)
        except BillingError as error:
            result = ActionResult(messages.ERROR, words_of(error))
        return self.finish(result)

    def form_page(self, form: forms.Form) -> HttpResponse:
        return self.admin.page(
            self.request, "billing_office/confirmation_form.html", self._frame(form)
        )

    def confirmation_page(self, form: forms.Form, sentences: Sequence[str]) -> HttpResponse:
        """What will happen, with the form's data in hidden fields."""
        context = {
            **self._frame(form),
            "sentences": sentences,
            "hidden": [(name, form.data.get(name, "")) for name in form.fields],
            "asks_nothing": self.asks_nothing,
        }
        return self.admin.page(self.request, "billing_office/confirmation.html", context)

    def _frame(self, form: forms.Form) -> dict[str, Any]:
        return {
            "title": self.title,
            "form": form,
            "back": self.back_url(),
            "about": self.about(),
            "button": self.confirm_button,
            "danger": self.danger,
        }

    def finish(self, result: ActionResult) -> HttpResponse:
        """Say how it went on the page that it leads to."""
        messages.add_message(self.request, result.level, result.words)
        return HttpResponseRedirect(result.url or self.back_url())

    # -- the audit log --

    def logged(
        self, row: Model, code: str = "", **facts: Any
    ) -> AbstractContextManager[dict[str, Any]]:
        """Write this action down at `row` once it has ended, whichever way. code: where it is not
        the action's name.
        """
        return audit_log.logged_action(self.request, row, code or self.name, **facts)


class ImmediateAction(StaffAction):
    """An action whose page explains it already: one press, no form, no confirmation. The page draws
    the button itself.
    """

    @classmethod
    def buttons(cls, row: Any) -> list[Button]:
        return []

    @classmethod
    def view(cls, admin: MoneyAdmin, request: HttpRequest, object_id: str = "") -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        action = cls(admin, request)
        action.load(object_id)
        return action.finish(action.act({}))


def words_of(error: BillingError) -> str:
    """An error as the user is told of it."""
    return error.words if isinstance(error, Refused) else error_messages.words(error)
