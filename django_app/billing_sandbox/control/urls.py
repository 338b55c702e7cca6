"""Addresses of the control API."""

from django.urls import path, re_path

from billing_sandbox.control import certifications, deliveries, endpoint, gateway, payments

urlpatterns = [
    path("reset", gateway.reset),
    path("pay", payments.pay),
    path("deliver", deliveries.deliver),
    path("clock", gateway.gateway_clock),
    path("faults", gateway.faults),
    path("faults/<int:pk>", gateway.faults),
    path("console", gateway.console_settings),
    path("log", deliveries.call_log),
    path("payments/<str:imp_uid>/<str:verb>", payments.payment_action),
    path("certify", certifications.certify),
    re_path(r"", endpoint.unknown_address),
]
