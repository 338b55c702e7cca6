"""Entry point of the stand-in alone for gunicorn: `SANDBOX_DB=… gunicorn --chdir django_app
billing_sandbox.standalone.wsgi`.
"""

import os
import sys

from django.core.exceptions import ImproperlyConfigured

os.environ["DJANGO_SETTINGS_MODULE"] = "billing_sandbox.standalone.settings"

try:
    from billing_sandbox.standalone.setup import set_up_shared_database
    from billing_sandbox.standalone.wsgi_application import wsgi_application

    set_up_shared_database()
    application = wsgi_application()
except ImproperlyConfigured as error:
    sys.stderr.write(f"error: {error}\n")
    raise SystemExit(3) from None  # gunicorn stops for good on 3, and would try again on 1
