"""Entry point for ASGI servers."""

import os

from config.environment import or_exit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

with or_exit(3):
    from config.malformed import asgi_application

    application = asgi_application()

    from billing.installation import verify_now

    verify_now()
