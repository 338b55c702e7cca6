"""The stand-in gateway alone, for any language: `python -m billing_sandbox --port 9000`, and in
this site `manage.py sandbox --port 9000`.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.core.servers.basehttp import run

from billing_sandbox.conf import conf
from billing_sandbox.standalone.setup import make_tables
from billing_sandbox.standalone.wsgi_application import wsgi_application

NO_WEBHOOK_URL = "only to the notice_url of a payment (--webhook-url sets a default)"


class Command(BaseCommand):
    """Serve API, script, window, panel and control API on this machine until Ctrl-C."""

    help = (
        "Serve the sandbox gateway alone, on this machine only. Everything is forgotten at the end "
        "unless --db names a file."
    )
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=9000)
        parser.add_argument(
            "--host", default="127.0.0.1", help="a loopback address; default 127.0.0.1"
        )
        parser.add_argument(
            "--webhook-url",
            default=conf.webhook_url,
            help="where webhooks go that name no notice_url",
        )
        parser.add_argument(
            "--db",
            default=os.environ.get("SANDBOX_DB", ""),
            help="a SQLite file to keep; default: a temporary one",
        )
        parser.add_argument(
            "--imp-code",
            default=conf.code,
            help="the only code that IMP.init may name; default: any",
        )
        parser.add_argument(
            "--imp-key", default=conf.key, help="the only REST API key; default: any pair"
        )
        parser.add_argument("--imp-secret", default=conf.secret, help="its secret")

    def handle(self, *args: Any, **options: Any) -> None:
        if not getattr(settings, "SANDBOX_ALONE", False):
            raise CommandError("start it as: python -m billing_sandbox")
        # A supervisor's stop is as clean as Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        host, port = self._place(options["host"], options["port"])
        self._take_over(options)
        with tempfile.TemporaryDirectory(
            prefix="iamport-sandbox-", ignore_cleanup_errors=True
        ) as folder:
            try:
                self._serve(
                    host,
                    port,
                    Path(options["db"] or Path(folder) / "sandbox.sqlite3"),
                    kept=bool(options["db"]),
                )
            except KeyboardInterrupt:
                self.stdout.write("\nStopped.")

    def _place(self, host: str, port: int) -> tuple[str, int]:
        host = "127.0.0.1" if host == "localhost" else host.strip("[]")
        if host not in {"127.0.0.1", "::1"}:
            raise CommandError(
                f"--host {host} is not an address of this machine alone: the sandbox serves "
                "127.0.0.1 or ::1 only."
            )
        if not 0 < port < 65536:
            raise CommandError(f"--port {port} is not a port: write a number from 1 to 65535.")
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    raise CommandError(
                        f"port {port} is taken: choose another with --port."
                    ) from None
                raise CommandError(
                    f"cannot serve on {host}:{port}: {os.strerror(error.errno or 0)}."
                ) from None
        return host, port

    def _take_over(self, options: dict[str, Any]) -> None:
        """The options become settings; nothing has read these before."""
        if bool(options["imp_key"]) != bool(options["imp_secret"]):
            raise CommandError("--imp-key and --imp-secret belong together: give both or neither.")
        url = options["webhook_url"]
        try:
            fits = not url or (
                urlsplit(url).scheme in {"http", "https"} and bool(urlsplit(url).hostname)
            )
        except ValueError:
            fits = False
        if not fits:
            raise CommandError(f"--webhook-url {url} is not a web address.")
        settings.SANDBOX.update(
            code=options["imp_code"],
            key=options["imp_key"],
            secret=options["imp_secret"],
            webhook_url=options["webhook_url"],
        )

    def _serve(self, host: str, port: int, path: Path, *, kept: bool) -> None:
        try:
            make_tables(path)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        here = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        lines = [
            f"REST API   {here}/sandbox/api/        instead of https://api.iamport.kr/ (keep "
            "the slash)",
            f"Script     {here}/sandbox/iamport.js  instead of "
            "https://cdn.iamport.kr/v1/iamport.js",
            f"Panel      {here}/sandbox/            every payment, call and webhook",
            f"Control    {here}/sandbox/control/    the same for programs",
            "",
            f"Keys       {'the given pair only' if conf.key else 'any pair is accepted'}",
            f"Webhooks   {conf.webhook_url or NO_WEBHOOK_URL}",
            "Database   "
            f"{path if kept else 'temporary: all is forgotten at the end (--db keeps it)'}",
            "Stop with Ctrl-C.",
        ]
        self.stdout.write("\n".join(["", *lines, ""]))
        self.stdout.flush()
        try:
            run(host, port, wsgi_application(), ipv6=":" in host, threading=True)
        except OSError as error:  # taken since the look before
            raise CommandError(
                f"cannot serve on {host}:{port}: {os.strerror(error.errno or 0)}."
            ) from None
