#!/usr/bin/env python
"""Django's command line for this project."""

import os
import sys

from config.env import exit_on_config_error


def main() -> None:
    """Run the command of sys.argv. A configuration mistake ends in one sentence and exit code 1."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.by_mode")
    if sys.argv[1:2] == ["sandbox"]:  # the gateway alone needs nobody's keys
        os.environ["DJANGO_SETTINGS_MODULE"] = "billing_sandbox.standalone.settings"
    with exit_on_config_error():
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
