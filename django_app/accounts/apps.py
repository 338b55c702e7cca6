"""The app's wiring."""

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    """Members' accounts of this site: how often somebody may try."""

    name = "accounts"
    verbose_name = _("Accounts")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import checks, logins  # noqa: F401  (checks register themselves)

        user_logged_in.connect(logins.on_logged_in, dispatch_uid="accounts.logins")
