"""Addresses of the stand-in, mounted at /sandbox/."""

from django.urls import include, path

from billing_sandbox.panel import views as panel
from billing_sandbox.window import identity
from billing_sandbox.window import views as window

app_name = "sandbox"
urlpatterns = [
    path("", panel.panel_page, name="panel"),
    path("panel/live/", panel.panel_live, name="panel_live"),
    path("panel/gateway/", panel.gateway_action, name="panel_gateway"),
    path("panel/payments/<str:imp_uid>/", panel.payment_page, name="panel_payment"),
    path("panel/payments/<str:imp_uid>/live/", panel.payment_page_live, name="panel_payment_live"),
    path("panel/payments/<str:imp_uid>/do/", panel.payment_action, name="panel_act"),
    path("iamport.js", window.sdk, name="sdk"),
    path("pay/", window.start_payment, name="start"),
    path("pay/<str:imp_uid>/", window.payment_window, name="window"),
    path("certification/", identity.start_identity, name="identity_start"),
    path("certification/window/", identity.identity_window, name="identity"),
    path("receipt/<str:imp_uid>/", window.receipt, name="receipt"),
    path("api/", include("billing_sandbox.api.urls")),
    path("control/", include("billing_sandbox.control.urls")),
]
