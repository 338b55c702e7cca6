"""A deed of staff in steps: the form, a page that says exactly what will happen, the deed. Only the
last one changes anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect

from billing.errors import BillingError
from billing_office import error_messages
from billing_office.base import MoneyAdmin

# A level of django.contrib.messages, the words, where to go instead of `back`.
Told = tuple[int, str] | tuple[int, str, str]


class Refused(BillingError):
    """What a page of ours refuses before anything is asked for. words: for staff, HTML where it is
    marked as safe.
    """

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class NoForm(forms.Form):
    """A deed that asks nothing but whether."""


def walk(
    admin: MoneyAdmin,
    request: HttpRequest,
    *,
    title: str,
    make_form: Callable[[Any], forms.Form],
    explain: Callable[[dict[str, Any]], Sequence[str]],
    act: Callable[[dict[str, Any]], Told],
    button: str,
    back: str,
    about: Sequence[tuple[Any, Any]] = (),
    danger: bool = False,
    silent: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """The page of this step, or the deed and a redirect to `back`.

    explain: from the form's data to what will happen, a sentence each. act: does it, outside of any
    transaction, and tells how it went; a BillingError is told to the user. about: (label, value)
    lines above the form. silent: what a form that asks nothing is filled with on the first page.
    """
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    asks_nothing = make_form is NoForm or silent is not None
    form = make_form(
        request.POST if request.method == "POST" else (dict(silent or {}) if asks_nothing else None)
    )
    frame = {
        "title": title,
        "form": form,
        "back": back,
        "about": about,
        "button": button,
        "danger": danger,
    }
    if (
        not form.is_bound
        or not form.is_valid()
        or (request.method == "POST" and "edit" in request.POST)
    ):
        return admin.page(request, "billing_office/confirmation_form.html", frame)
    if request.method != "POST" or request.POST.get("confirmed") != "yes":
        hidden = [(name, form.data.get(name, "")) for name in form.fields]
        try:
            frame.update(
                sentences=explain(form.cleaned_data), hidden=hidden, asks_nothing=asks_nothing
            )
        except BillingError as error:
            form.add_error(
                None, error.words if isinstance(error, Refused) else error_messages.words(error)
            )
            return admin.page(request, "billing_office/confirmation_form.html", frame)
        return admin.page(request, "billing_office/confirmation.html", frame)
    try:
        level, words, *instead = act(form.cleaned_data)
    except BillingError as error:
        level, words, instead = (
            messages.ERROR,
            error.words if isinstance(error, Refused) else error_messages.words(error),
            [],
        )
    messages.add_message(request, level, words)
    return HttpResponseRedirect(instead[0] if instead else back)
