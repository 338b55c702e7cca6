"""Sign-up and the answer to too many wrong passwords; all else about accounts is Django's own."""

from typing import Any

from django.contrib.auth import get_user_model, login
from django.contrib.auth.forms import UserCreationForm
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse_lazy
from django.views.generic import CreateView


class SignupForm(UserCreationForm):
    """Django's form, for whatever user model the project has."""

    class Meta(UserCreationForm.Meta):
        model = get_user_model()
        fields = (model.USERNAME_FIELD,)


class SignupView(CreateView):
    """Make a member, log them in and show the charge page."""

    form_class = SignupForm
    template_name = "registration/signup.html"
    success_url = reverse_lazy("billing:charge")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated:
            return redirect("billing:charge")
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            with transaction.atomic():
                response = super().form_valid(form)
        except IntegrityError:  # somebody took the name between the check and now
            form.add_error(
                form._meta.model.USERNAME_FIELD, form.instance.unique_error_message(form._meta.model, [form._meta.model.USERNAME_FIELD])
            )
            return self.form_invalid(form)
        login(self.request, self.object, backend="django.contrib.auth.backends.ModelBackend")
        return response


def locked_out(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Too many wrong passwords: 429, in the design of the site (called by axes)."""
    return render(request, "429.html", {"login_url": resolve_url("login")}, status=429)
