"""The contract's addresses, below /billing/."""

from django.urls import path, register_converter

from billing.gateway.payment import MERCHANT_UID
from billing.support.non_atomic import non_atomic
from billing.web import charge, history, payment, refund, webhook
from billing.web.mode_guard import in_own_mode


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
    path("charge/", charge.charge, name="charge"),
    path("terms/", charge.terms, name="terms"),
    path("checkout/", charge.checkout, name="checkout"),
    path("validation/", payment.validation, name="validation"),
    path("complete/", webhook.complete, name="complete"),
    path("webhook/", webhook.webhook, name="webhook"),
    path("payments/", history.payments, name="payments"),
    path("payments.csv", history.payments_csv, name="payments_csv"),
    path("entries/", history.entries, name="entries"),
    path("entries.csv", history.entries_csv, name="entries_csv"),
    path("payments/<merchant_uid:merchant_uid>/", payment.payment, name="payment"),
    path("payments/<merchant_uid:merchant_uid>/status/", payment.status, name="status"),
    path("payments/<merchant_uid:merchant_uid>/cancel/", refund.cancel, name="cancel"),
]
non_atomic(in_own_mode(urlpatterns))
