"""The tests' settings, with that user model."""

from config.settings.test import *
from config.settings.test import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "config.tests.plain_user.apps.PlainUserConfig"]
AUTH_USER_MODEL = "plain_user.Member"
