"""Entry point for gunicorn: `gunicorn --chdir django_app config.wsgi`."""

import os

from config.environment import or_exit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

with or_exit(3):
    from django.core.wsgi import get_wsgi_application

    application = get_wsgi_application()

    from billing.installation import verify_now

    verify_now()
