"""All addresses of the site."""

from django.apps import apps
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config import accounts

handler400 = "billing.answers.bad_request"

urlpatterns = [  # /healthz and /readyz are answered before these: config/middleware.py
    path("", RedirectView.as_view(pattern_name="billing:charge"), name="home"),
    path("accounts/signup/", accounts.SignupView.as_view(), name="signup"),
    path("accounts/", include("django.contrib.auth.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("billing/", include("billing.urls")),
    path("admin/", admin.site.urls),
]

if apps.is_installed("sandbox"):  # sandbox mode only
    urlpatterns.append(path("sandbox/", include("sandbox.urls")))
