"""Entry point of the stand-in alone for gunicorn: `SANDBOX_DB=… gunicorn --chdir django_app
billing_sandbox.standalone.wsgi`.
"""

import os

from config.env import or_exit

os.environ["DJANGO_SETTINGS_MODULE"] = "billing_sandbox.standalone.settings"

with or_exit(3):  # gunicorn stops for good on 3
    from billing_sandbox.standalone.setup import shared_set_up

    shared_set_up()

    from config.malformed import wsgi_application

    application = wsgi_application()
