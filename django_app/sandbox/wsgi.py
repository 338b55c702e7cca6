"""Entry point of the stand-in alone for gunicorn: `SANDBOX_DB=… gunicorn --chdir django_app sandbox.wsgi`."""

import os

from config.environment import or_exit

os.environ["DJANGO_SETTINGS_MODULE"] = "sandbox.settings"

with or_exit(3):  # gunicorn stops for good on 3
    from sandbox.alone import shared_set_up

    shared_set_up()

    from config.malformed import wsgi_application

    application = wsgi_application()
