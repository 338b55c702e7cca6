"""The stand-in for the iamport V1 gateway, as a Django app."""

from django.apps import AppConfig


class SandboxConfig(AppConfig):
    """Its tables keep the app's first label, and live in the alias `sandbox` where a project has it
    (see router.py), else beside that project's own.
    """

    name = "billing_sandbox"
    label = "sandbox"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """The checks register, and the worker listens for queued webhooks."""
        import billing_sandbox.checks
        import billing_sandbox.engine.worker  # noqa: F401
