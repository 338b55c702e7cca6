"""The tests' settings, with another user model."""

from config.settings.test import *
from config.settings.test import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "config.tests.custom_user.apps.CustomUserConfig"]
AUTH_USER_MODEL = "custom_user.Member"
