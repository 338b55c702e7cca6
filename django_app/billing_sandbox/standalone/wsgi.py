"""Entry point of the stand-in alone for gunicorn: `SANDBOX_DB=… gunicorn --chdir django_app
billing_sandbox.standalone.wsgi`.
"""

import os

from config.env import exit_on_config_error

os.environ["DJANGO_SETTINGS_MODULE"] = "billing_sandbox.standalone.settings"

with exit_on_config_error(3):  # gunicorn stops for good on 3
    from billing_sandbox.standalone.setup import shared_set_up

    shared_set_up()

    from config.malformed import wsgi_application

    application = wsgi_application()
