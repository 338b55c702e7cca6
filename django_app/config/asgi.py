"""Entry point for ASGI servers."""

import os

from config.env import exit_on_config_error, settings_module

with exit_on_config_error(3):
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module())
    from config.malformed import asgi_application

    application = asgi_application()

    from billing.db.environment_stamp import check_database

    check_database()
