"""The tests' settings, with another user model."""

from config.settings import test
from config.settings.inheritance import settings_of

globals().update(settings_of(test))

INSTALLED_APPS = [*test.INSTALLED_APPS, "config.tests.custom_user.apps.CustomUserConfig"]
AUTH_USER_MODEL = "custom_user.Member"
