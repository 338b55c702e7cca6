"""Addresses of the stand-in, mounted at /sandbox/. The API tolerates a trailing slash, as the live one does."""

from django.urls import include, path, re_path

from sandbox import api, api_cancel, codes, control, control_gateway, identity, lookups, panel, urls_more, vbanks, window

app_name = "sandbox"

_API = [
    re_path(r"^users/getToken/?\Z", api.get_token),
    re_path(r"^users/pg/?\Z", codes.channels),
    re_path(r"^payments/?\Z", lookups.several),
    re_path(r"^payments/cancel/?\Z", api_cancel.cancel),
    re_path(r"^payments/prepare/?\Z", api.prepare),
    re_path(r"^payments/prepare/(?P<merchant_uid>[^/]+)/?\Z", api.prepared),
    re_path(r"^payments/find/(?P<merchant_uid>[^/]+)/?\Z", lookups.find),
    re_path(r"^payments/find/(?P<merchant_uid>[^/]+)/(?P<status>[^/]+)/?\Z", lookups.find),
    re_path(r"^payments/findAll/(?P<merchant_uid>[^/]+)/?\Z", lookups.find_all),
    re_path(r"^payments/findAll/(?P<merchant_uid>[^/]+)/(?P<status>[^/]+)/?\Z", lookups.find_all),
    re_path(r"^payments/status/(?P<status>[^/]+)/?\Z", lookups.by_status),
    # these are no imp_uids
    re_path(r"^payments/(?!(?:find|findAll|prepare|cancel|status)/?\Z)(?P<imp_uid>[^/]+)/?\Z", lookups.payment),
    re_path(r"^vbanks/?\Z", vbanks.issue),
    re_path(r"^vbanks/(?P<imp_uid>[^/]+)/?\Z", vbanks.one),
    re_path(r"^banks/?\Z", codes.banks),
    re_path(r"^banks/(?P<code>[^/]+)/?\Z", codes.bank),
    re_path(r"^cards/?\Z", codes.cards),
    re_path(r"^cards/(?P<code>[^/]+)/?\Z", codes.card),
    *urls_more.API,
    re_path(r"", api.nothing),
]

_CONTROL = [
    path("reset", control.reset),
    path("pay", control.pay),
    path("deliver", control.deliver),
    path("clock", control_gateway.time),
    path("faults", control_gateway.fault),
    path("faults/<int:pk>", control_gateway.fault),
    path("console", control_gateway.console),
    path("log", control.log),
    path("payments/<str:imp_uid>/<str:verb>", control.act),
    *urls_more.CONTROL,
    re_path(r"", control.nothing),
]

urlpatterns = [
    path("", panel.panel, name="panel"),
    path("panel/live/", panel.live, name="panel_live"),
    path("panel/gateway/", panel.gateway, name="panel_gateway"),
    path("panel/payments/<str:imp_uid>/", panel.payment, name="panel_payment"),
    path("panel/payments/<str:imp_uid>/live/", panel.payment_live, name="panel_payment_live"),
    path("panel/payments/<str:imp_uid>/do/", panel.act, name="panel_act"),
    path("iamport.js", window.sdk, name="sdk"),
    path("pay/", window.start, name="start"),
    path("pay/<str:imp_uid>/", window.window, name="window"),
    path("certification/", identity.start, name="identity_start"),
    path("certification/window/", identity.window, name="identity"),
    path("receipt/<str:imp_uid>/", window.receipt, name="receipt"),
    path("api/", include(_API)),
    path("control/", include(_CONTROL)),
]
