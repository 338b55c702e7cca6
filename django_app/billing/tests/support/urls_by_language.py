"""Addresses of a project that puts the language before each."""

from django.conf.urls.i18n import i18n_patterns
from django.urls import include, path

urlpatterns = i18n_patterns(
    path("accounts/", include("django.contrib.auth.urls")),
    path("points/", include("billing.urls")),
)
