"""A site with dj-stripe."""

from peers import plain_settings
from peers.plain_settings import INSTALLED_APPS

globals().update({name: value for name, value in vars(plain_settings).items() if name.isupper()})

INSTALLED_APPS = [*INSTALLED_APPS, "djstripe"]
ROOT_URLCONF = "peers.stripe_site.urls"
STRIPE_LIVE_MODE = True
STRIPE_LIVE_SECRET_KEY = "sk_live_" + "0" * 24  # nobody's
STRIPE_TEST_SECRET_KEY = "sk_test_" + "0" * 24
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
