"""A project's own user model, as small as Django allows, for a test."""

from django.apps import AppConfig


class PlainUserConfig(AppConfig):
    name = "config.tests.plain_user"
    label = "plain_user"
    default_auto_field = "django.db.models.BigAutoField"
