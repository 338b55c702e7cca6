"""The tests' settings, with another user model."""

from config.settings import test
from config.settings.inheritance import settings_of
from config.settings.test import INSTALLED_APPS

globals().update(settings_of(test))

INSTALLED_APPS = [*INSTALLED_APPS, "config.tests.custom_user.apps.CustomUserConfig"]
AUTH_USER_MODEL = "custom_user.Member"
