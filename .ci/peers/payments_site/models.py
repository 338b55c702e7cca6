"""The payment of a shop, as django-payments' documentation makes one."""

from payments.models import BasePayment


class Payment(BasePayment):
    """Nothing of its own."""

    class Meta:
        app_label = "payments_site"

    def get_failure_url(self) -> str:
        return "/failed/"

    def get_success_url(self) -> str:
        return "/paid/"
