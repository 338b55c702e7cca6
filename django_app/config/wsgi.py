"""Entry point for gunicorn: `gunicorn --chdir django_app config.wsgi`."""

import os

from config.env import exit_on_config_error

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.by_mode")

with exit_on_config_error(3):
    from config.malformed import wsgi_application

    application = wsgi_application()

    from billing.db.environment_stamp import verify_now

    verify_now()
