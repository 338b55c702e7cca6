"""Addresses of the stand-in alone: the same as in the demo, and the bare address leads to the
panel.
"""

from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(url="/sandbox/")),
    path("sandbox/", include("billing_sandbox.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
]
