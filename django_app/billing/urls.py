"""The contract's addresses, below /billing/."""

from django.urls import path, register_converter

from billing.gateway.payment import MERCHANT_UID
from billing.support.non_atomic import non_atomic
from billing.web import history, refund, views


class MerchantUidConverter:
    """What could be a merchant_uid; anything else is a 404 before any query."""

    regex = MERCHANT_UID

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(MerchantUidConverter, "merchant_uid")

app_name = "billing"
urlpatterns = [
    path("charge/", views.charge, name="charge"),
    path("terms/", views.terms, name="terms"),
    path("checkout/", views.checkout, name="checkout"),
    path("validation/", views.validation, name="validation"),
    path("complete/", views.complete, name="complete"),
    path("webhook/", views.webhook, name="webhook"),
    path("payments/", history.payments, name="payments"),
    path("payments.csv", history.payments_csv, name="payments_csv"),
    path("entries/", history.entries, name="entries"),
    path("entries.csv", history.entries_csv, name="entries_csv"),
    path("payments/<merchant_uid:merchant_uid>/", views.payment, name="payment"),
    path("payments/<merchant_uid:merchant_uid>/status/", views.status, name="status"),
    path("payments/<merchant_uid:merchant_uid>/cancel/", refund.cancel, name="cancel"),
]
non_atomic(urlpatterns)
