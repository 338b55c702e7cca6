"""`manage.py check --deploy` with settings as a live server has them: a filled-in example file,
HTTPS, a host name.
"""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MERCHANT = (
    "name",
    "representative",
    "registration_number",
    "mail_order_number",
    "address",
    "telephone",
    "email",
)

with tempfile.TemporaryDirectory() as folder:
    settings = json.loads(
        (ROOT / ".config_secret" / "settings_common.example.json").read_text(encoding="utf-8")
    )
    settings["django"]["secret_key"] = secrets.token_urlsafe(60)
    settings["iamport"].update(
        iamport_code="imp12345678",
        iamport_key=secrets.token_hex(8),
        iamport_secret=secrets.token_hex(40),
    )
    path = Path(folder) / "settings_common.json"
    path.write_text(json.dumps(settings), encoding="utf-8")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(
            ("DJANGO_", "IAMPORT_", "BILLING_", "DATABASE_", "CACHE_", "PUBLIC_")
        )
    }
    live = {
        "SETTINGS_COMMON_FILE": str(path),
        "DJANGO_ALLOWED_HOSTS": "points.example",
        "PUBLIC_URL": "https://points.example",
        "DJANGO_TRUSTED_PROXY": "X-Forwarded-For,X-Forwarded-Proto",
        "DATABASE_URL": f"sqlite:///{folder}/live.sqlite3",
        "CACHE_URL": f"file://{folder}/cache",
        "BILLING_MERCHANT": json.dumps(dict.fromkeys(MERCHANT, "filled in")),
        "DJANGO_EMAIL_HOST": "mail.points.example",
        "DJANGO_EMAIL_FROM": "no-reply@points.example",
    }
    command = [
        sys.executable,
        "django_app/manage.py",
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
    ]
    sys.exit(subprocess.call(command, cwd=ROOT, env={**kept, **live}))
