"""A project's own user model, for a test."""

from django.apps import AppConfig


class CustomUserConfig(AppConfig):
    name = "config.tests.custom_user"
    label = "custom_user"
    default_auto_field = "django.db.models.BigAutoField"
