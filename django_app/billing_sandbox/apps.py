"""The stand-in for the iamport V1 gateway, as a Django app."""

from django.apps import AppConfig


class SandboxConfig(AppConfig):
    """Its tables live in the database alias `sandbox` (see router.py) and keep the app's first
    label.
    """

    name = "billing_sandbox"
    label = "sandbox"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """The worker listens for queued webhooks as soon as the app is there."""
        import billing_sandbox.engine.worker  # noqa: F401
