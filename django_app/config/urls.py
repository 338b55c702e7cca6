"""All addresses of the site."""

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import PasswordChangeView
from django.urls import include, path
from django.views.generic import RedirectView

from accounts import views

handler400 = "billing.web.json_api.bad_request"

urlpatterns = [  # /healthz and /readyz are answered before these: config/middleware.py
    path("", RedirectView.as_view(pattern_name="billing:charge"), name="home"),
    path(
        "favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}billing/icon.svg")
    ),  # asked for by pages that name none
    path("accounts/signup/", views.SignupView.as_view(), name="signup"),
    path("accounts/password_reset/", views.ResetView.as_view(), name="password_reset"),
    path(
        "accounts/password_change/",
        views.limit_old_password(PasswordChangeView.as_view()),
        name="password_change",
    ),
    path(
        "accounts/reset/<uidb64>/<token>/",
        views.ResetConfirmView.as_view(),
        name="password_reset_confirm",
    ),
    path("accounts/", include("django.contrib.auth.urls")),
    path("i18n/setlang/", views.set_language, name="set_language"),
    path("billing/", include("billing.urls")),
    path("admin/", admin.site.urls),
]

if apps.is_installed("billing_sandbox"):  # sandbox mode only
    urlpatterns += [
        path("sandbox/", include("billing_sandbox.urls")),
        path("preview/", include("config.preview")),
    ]
