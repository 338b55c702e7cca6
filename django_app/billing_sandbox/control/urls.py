"""Addresses of the control API."""

from django.urls import path, re_path

from billing_sandbox.control import certifications, gateway, payments

urlpatterns = [
    path("reset", payments.reset),
    path("pay", payments.pay),
    path("deliver", payments.deliver),
    path("clock", gateway.time),
    path("faults", gateway.fault),
    path("faults/<int:pk>", gateway.fault),
    path("console", gateway.console),
    path("log", payments.log),
    path("payments/<str:imp_uid>/<str:verb>", payments.act),
    path("certify", certifications.certify),
    re_path(r"", payments.nothing),
]
