"""What `make run` runs: migrate, make the demo's people (sandbox mode only), say what to open,
serve until Ctrl-C.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.core.servers.basehttp import get_internal_wsgi_application, run

from billing.conf import conf
from billing.notifications.member_mail import email_field
from config.demo import DEMO_PEOPLE


class Command(BaseCommand):
    """Serve this site on one machine. A second start finds everything made and changes nothing."""

    help = (
        "Set up the database and serve on HOST:PORT (default 127.0.0.1:8000). For a public server "
        "use gunicorn."
    )
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def handle(self, *args: Any, **options: Any) -> None:
        # A supervisor's stop is as clean as Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        host: str = settings.HOST  # type: ignore[misc]  # of the served modes alone
        port: int = settings.PORT  # type: ignore[misc]
        ipv6 = ":" in host
        self._refuse_a_taken_port(host, port, ipv6)
        self.check(display_num_errors=False)
        for alias in settings.DATABASES:
            call_command("migrate", database=alias, interactive=False, verbosity=0)
        call_command("billing_indexes", verbosity=0)
        reached = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104
        shown = f"http://{f'[{reached}]' if ':' in reached else reached}:{port}"
        self._say(shown)
        try:
            run(host, port, get_internal_wsgi_application(), ipv6=ipv6, threading=True)
        except KeyboardInterrupt:
            self.stdout.write("\nStopped.")
        except OSError as error:
            raise CommandError(
                f"cannot serve on {host}:{port}: {os.strerror(error.errno or 0)}"
            ) from None

    def _say(self, shown: str) -> None:
        """What to open, and as whom."""
        lines = [f"Charge page  {shown}/", f"Admin        {shown}/admin/"]
        if conf.IAMPORT_MODE == "sandbox":
            made = [
                self._person(name, password, staff=name == "admin")
                for name, password in DEMO_PEOPLE.items()
            ]
            lines += [
                f"Gateway      {shown}/sandbox/   the stand-in: every payment, call and delivery",
                "",
                "Log in as",
                *made,
            ]
            lines += ["", "Sandbox mode: play money, and only this machine is served."]
        else:
            lines += ["", "LIVE mode: real keys, real money."]
        self.stdout.write("\n".join(["", *lines, "Stop with Ctrl-C.", ""]))
        self.stdout.flush()

    def _person(self, name: str, password: str, *, staff: bool) -> str:
        """Make the demo's member or admin, unless there is one of that name; its line for the
        screen.
        """
        users = get_user_model()._default_manager
        if not users.filter(**{get_user_model().USERNAME_FIELD: name}).exists():
            if staff:
                users.create_superuser(name, password=password)
            else:
                # Mail to it is shown here.
                field = email_field()
                address = {field: f"{name}@example.com"} if field else {}
                users.create_user(name, password=password, **address)
        return f"  {name:8} {password:14} {'admin' if staff else 'member'}"

    def _refuse_a_taken_port(self, host: str, port: int, ipv6: bool) -> None:
        """One sentence instead of a traceback."""
        with socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise CommandError(
                        f"port {port} is in use by another program: make run PORT={port + 1}"
                    ) from None
                raise CommandError(f"cannot serve on {host}:{port}: {error.strerror}") from None
