"""`python -m billing_sandbox --port 9000`: the stand-in gateway alone, with no project around it.

The options are those of the command `sandbox`; `--help` lists them.
"""

from __future__ import annotations

import importlib.util
import os
import sys

NEEDED = ("whitenoise", "csp")  # the pages alone need them; the tests of a project do not


def main() -> None:
    """Serve until Ctrl-C. SystemExit 1, with one sentence, where a package is missing."""
    if any(importlib.util.find_spec(name) is None for name in NEEDED):
        sys.stderr.write(
            "error: the sandbox alone needs whitenoise and django-csp: "
            "pip install whitenoise django-csp (the extra `test` has them)\n"
        )
        raise SystemExit(1)
    # Whatever project the shell is set up for: this is none.
    os.environ["DJANGO_SETTINGS_MODULE"] = "billing_sandbox.standalone.settings"
    import django
    from django.core.exceptions import ImproperlyConfigured

    try:
        django.setup()
        from billing_sandbox.management.commands.sandbox import Command

        Command().run_from_argv(["python -m", "billing_sandbox", *sys.argv[1:]])
    except ImproperlyConfigured as error:  # an environment variable of standalone/settings.py
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
