"""The tests' settings, with that user model."""

from config.settings import test
from config.settings.inheritance import settings_of

globals().update(settings_of(test))

INSTALLED_APPS = [*test.INSTALLED_APPS, "config.tests.plain_user.apps.PlainUserConfig"]
AUTH_USER_MODEL = "plain_user.Member"
