"""Sign-up, a new password by mail, the language of a member, and the answer to too many tries; all
else about accounts is Django's own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model, login, views
from django.contrib.auth.forms import PasswordResetForm, UserCreationForm
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.generic import CreateView
from django.views.i18n import LANGUAGE_QUERY_PARAMETER
from django.views.i18n import set_language as django_set_language

from accounts.logins import know
from accounts.mail import mail_works
from accounts.throttle import (
    OLD_PASSWORD,
    RESET,
    SIGNUP,
    Limit,
    is_own_machine,
    line,
    refund_spend,
    take,
)
from billing.conf import conf
from billing.models import Point
from billing.notifications import mail_queue
from billing.notifications.member_mail import Letter, email_field, message


def _optional_email() -> str | None:
    """The user model's field for an address; None where it has none, or where it is the name that
    members log in with.
    """
    name = email_field()
    return None if name == get_user_model().USERNAME_FIELD else name


class SignupForm(UserCreationForm):  # type: ignore[type-arg]  # not generic at run time
    """Django's form, for whatever user model the project has, and an e-mail address for those who
    want mail.
    """

    class Meta(UserCreationForm.Meta):
        model = get_user_model()
        fields = tuple(name for name in (model.USERNAME_FIELD, _optional_email()) if name)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = _optional_email()
        if name:
            self.fields[name].help_text = gettext_lazy(
                "We mail you about payments and refunds, and a link should you forget your "
                "password."
            )
            self.fields[name].widget.attrs["autocomplete"] = "email"
            self.order_fields([self._meta.model.USERNAME_FIELD, "password1", "password2", name])


class SignupView(CreateView):  # type: ignore[type-arg]
    """Make a member, log them in and show the charge page."""

    form_class = SignupForm
    template_name = "registration/signup.html"
    success_url = reverse_lazy("billing:charge")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated:
            return redirect("billing:charge")
        if request.method == "POST":
            wait = _wait_of_line(SIGNUP, request)
            if wait:
                return too_many(request, wait)
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            with transaction.atomic():
                response = super().form_valid(form)
        except IntegrityError:  # somebody took the name between the check and now
            form.add_error(
                form._meta.model.USERNAME_FIELD,
                form.instance.unique_error_message(
                    form._meta.model, [form._meta.model.USERNAME_FIELD]
                ),
            )
            return self.form_invalid(form)
        login(self.request, self.object, backend="django.contrib.auth.backends.ModelBackend")
        return response


class ResetForm(PasswordResetForm):
    """Django's form. Its mail leaves after the answer, so that nobody can tell by the time it takes
    whether an address is known.
    """

    def save(self, *args: Any, **options: Any) -> None:
        if conf.PUBLIC_URL:  # else the host that was asked, which is one of ALLOWED_HOSTS
            public = urlsplit(conf.PUBLIC_URL)
            options.update(domain_override=public.netloc, use_https=public.scheme == "https")
        super().save(*args, **options)

    def send_mail(  # type: ignore[override]  # positional names of Django's, shortened
        self,
        subject: str,
        template: str,
        context: dict[str, Any],
        sender: Any,
        to_email: str,
        **options: Any,
    ) -> None:
        """Django's names of templates are not used: this mail is a letter like the others."""
        path = reverse(
            "password_reset_confirm", kwargs={"uidb64": context["uid"], "token": context["token"]}
        )
        name = context["user"].get_username()
        letter = Letter(
            subject=_("Choose a new password"),
            sentences=[
                _(
                    "Somebody, hopefully you, asked for a new password for %(name)s. This link "
                    "leads to it."
                )
                % {"name": name},
                _("If it was not you, do nothing: your password stays as it is."),
            ],
            link=f"{context['protocol']}://{context['domain']}{path}",
            link_label=_("Choose a new password"),
        )
        mail_queue.put("a new password", message(letter, to_email).send)


class ResetView(views.PasswordResetView):
    """Ask for a link by mail. The answer is the same whether the address is known or not."""

    form_class = ResetForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not mail_works() or not email_field():
            return render(request, "registration/no_reset.html")
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        wait = _wait_of_line(RESET, request)
        if wait:
            return too_many(request, wait)
        return super().post(request, *args, **kwargs)


class ResetConfirmView(views.PasswordResetConfirmView):
    """Choose the new password. Who had the mailed link is the member, so the line is known: a way
    in while strangers try the name.
    """

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        know(self.request, self.user)
        return response


def set_language(request: HttpRequest) -> HttpResponse:
    """Django's own: a cookie that lasts. A member's mail follows the choice."""
    response = django_set_language(request)
    code = request.POST.get(LANGUAGE_QUERY_PARAMETER, "") if request.method == "POST" else ""
    if code in dict(settings.LANGUAGES) and request.user.is_authenticated:
        Point.objects.filter(pk=request.user.pk).update(language=code)
    return response


def _wait_of_line(limit: Limit, request: HttpRequest) -> int:
    """Seconds after which this line may do it again, 0 for now. The demo on one's own machine is
    not counted.
    """
    return 0 if is_own_machine(request) else take(limit, line(request))


def limit_old_password(
    view: Callable[..., HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """A password change that answers 429 after too many wrong old passwords of one member; the
    session stays. A right one is not counted.

    A stolen session would else have all the time it wants. The admin's page of the same kind is
    wrapped too (config/admin_site.py).
    """

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "POST" or not request.user.is_authenticated:
            return view(request, *args, **kwargs)
        member = request.user.pk
        wait = take(OLD_PASSWORD, member)
        if wait:
            return too_many(request, wait)
        response = view(request, *args, **kwargs)
        form = (getattr(response, "context_data", None) or {}).get("form")
        if form is None or "old_password" not in form.errors:
            refund_spend((OLD_PASSWORD, member))
        return response

    return answer


def too_many(request: HttpRequest, seconds: int = 600) -> HttpResponse:
    """429, in the design of the site. seconds: after which it may be tried again."""
    response = render(request, "429.html", status=429)
    response.headers["Retry-After"] = str(seconds)
    return response


def locked_out(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Too many wrong passwords (called by axes, and for what accounts.logins refused)."""
    seconds = getattr(request, "login_wait", 0) or int(settings.AXES_COOLOFF_TIME.total_seconds())
    response = render(
        request, "429.html", {"locked_minutes": max(1, -(-seconds // 60))}, status=429
    )
    response.headers["Retry-After"] = str(seconds)
    return response
