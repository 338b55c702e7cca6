"""Entry point for gunicorn: `gunicorn --chdir django_app config.wsgi`."""

import os

from config.environment import or_exit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

with or_exit(3):
    from config.malformed import wsgi_application

    application = wsgi_application()

    from billing.installation import verify_now

    verify_now()
