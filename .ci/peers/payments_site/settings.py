"""A shop with django-payments."""

from peers import plain_settings
from peers.plain_settings import INSTALLED_APPS

globals().update({name: value for name, value in vars(plain_settings).items() if name.isupper()})

INSTALLED_APPS = [*INSTALLED_APPS, "payments", "peers.payments_site"]
ROOT_URLCONF = "peers.payments_site.urls"
PAYMENT_HOST = "shop.example"
PAYMENT_MODEL = "payments_site.Payment"
PAYMENT_VARIANTS = {
    "verified": ("peers.payments_site.provider.Verified", {}),
    "dummy": ("payments.dummy.DummyProvider", {}),
}
