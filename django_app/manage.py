#!/usr/bin/env python
"""Django's command line for this project."""

import os
import sys

from config.env import exit_on_config_error, settings_module


def main() -> None:
    """Run the command of sys.argv. A configuration mistake ends in one sentence and exit code 1."""
    with exit_on_config_error():
        if sys.argv[1:2] == ["sandbox"]:  # the gateway alone needs nobody's keys
            os.environ["DJANGO_SETTINGS_MODULE"] = "billing_sandbox.standalone.settings"
        elif "DJANGO_SETTINGS_MODULE" not in os.environ:
            os.environ["DJANGO_SETTINGS_MODULE"] = settings_module()
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
