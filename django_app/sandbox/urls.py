"""Addresses of the stand-in, mounted at /sandbox/. The API tolerates a trailing slash, as the live one does."""

from django.urls import include, path, re_path

from sandbox import api, control, panel, window

app_name = "sandbox"

_API = [
    re_path(r"^users/getToken/?\Z", api.get_token),
    re_path(r"^payments/prepare/?\Z", api.prepare),
    re_path(r"^payments/prepare/(?P<merchant_uid>[^/]+)/?\Z", api.prepared),
    re_path(r"^payments/find/(?P<merchant_uid>[^/]+)/?\Z", api.find),
    re_path(r"^payments/find/(?P<merchant_uid>[^/]+)/(?P<status>[^/]+)/?\Z", api.find),
    # these are no imp_uids
    re_path(r"^payments/(?!(?:find|findAll|prepare|cancel|status)/?\Z)(?P<imp_uid>[^/]+)/?\Z", api.payment),
    re_path(r"", api.nothing),
]

_CONTROL = [
    path("reset", control.reset),
    path("pay", control.pay),
    path("deliver", control.deliver),
    path("log", control.log),
    path("payments/<str:imp_uid>/<str:verb>", control.act),
    re_path(r"", control.nothing),
]

urlpatterns = [
    path("", panel.panel, name="panel"),
    path("iamport.js", window.sdk, name="sdk"),
    path("pay/", window.start, name="start"),
    path("pay/<str:imp_uid>/", window.window, name="window"),
    path("receipt/<str:imp_uid>/", window.receipt, name="receipt"),
    path("api/", include(_API)),
    path("control/", include(_CONTROL)),
]
