"""One project that is not ours: an environment of its own with the wheel, a folder, commands, a
server, and the stand-in gateway alone beside it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[4]
HERE = Path(__file__).resolve().parent
KEYS = {
    "IAMPORT_CODE": "imp12345678",
    "IAMPORT_KEY": "1234567890123456",
    "IAMPORT_SECRET": "a-secret-of-the-host",
}
START_SECONDS = 60


def make_wheel(folder: Path) -> Path:
    """The wheel of this project, as `make wheel` makes it."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*command, str(ROOT)], check=True, capture_output=True, text=True)
    [wheel] = folder.glob("django_iamport_points-*.whl")
    return wheel


def lines(name: str) -> str:
    """A file beside this one that is no module: lines for settings.py or urls.py."""
    return (HERE / name).read_text(encoding="utf-8")


class HostProject:
    """The project `name` (a folder beside this file, laid over what `startproject` makes unless it
    has a manage.py of its own) below `folder`.
    """

    def __init__(self, name: str, folder: Path, extras: str, **env: str) -> None:
        self.folder, self.name = folder / "site", name
        self.env = {
            **{key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG")},
            **KEYS,
            **env,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        venv = folder / "venv"
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        self.python = venv / "bin" / "python"
        wheel = make_wheel(folder / "dist")
        self._run("-m", "pip", "install", "-q", f"{wheel}[{extras}]", cwd=folder)
        self.folder.mkdir()
        self.settings = self.folder / "config" / "settings" / "local.py"
        self.urls = self.folder / "config" / "urls.py"
        if not (HERE / name / "manage.py").exists():
            self._run("-m", "django", "startproject", "mysite", ".", cwd=self.folder)
            self.settings = self.folder / "mysite" / "settings.py"
            self.urls = self.folder / "mysite" / "urls.py"
            self.write(self.settings, lines(f"{name}/settings.txt"))
            self.write(self.urls, lines(f"{name}/urls.txt"))
        self.lay("frame")  # a login page and a base.html, where it has no other
        self.lay(name)

    def lay(self, name: str) -> None:
        """Put a folder beside this file over the project's."""
        shutil.copytree(
            HERE / name, self.folder, dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("*.txt", "__pycache__"),
        )  # fmt: skip

    def write(self, path: Path | str, text: str) -> None:
        """Add lines to a file of the project."""
        path = self.folder / path
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\n{text}")

    def manage(self, *arguments: str, fails: bool = False, **env: str) -> str:
        """What `manage.py …` writes; AssertionError where it does not end as told."""
        return self._run("manage.py", *arguments, cwd=self.folder, fails=fails, **env)

    def _run(self, *arguments: str, cwd: Path, fails: bool = False, **env: str) -> str:
        done = subprocess.run(
            [str(self.python), *arguments], cwd=cwd, env={**self.env, **env}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False,
        )  # fmt: skip
        assert (done.returncode != 0) is fails, f"{' '.join(arguments)}:\n{done.stdout[-4000:]}"
        assert "Traceback" not in done.stdout, done.stdout[-4000:]
        return done.stdout

    @contextmanager
    def running(self, prefix: str) -> Iterator[tuple[str, str]]:
        """The project's server and the stand-in gateway, as (address, the gateway's address).
        prefix: where billing.urls are.
        """
        port, gateway_port = _free_port(), _free_port()
        here, gateway = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{gateway_port}/sandbox/"
        self.write(
            self.settings,
            f'IAMPORT_API_URL = "{gateway}api/"\nIAMPORT_SDK_URL = "{gateway}iamport.js"\n',
        )
        sandbox = [
            "-m", "billing_sandbox", "--port", str(gateway_port), "--webhook-url",
            f"{here}{prefix}webhook/",
        ]  # fmt: skip
        server = ["manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"]
        with (
            self._serving(sandbox, f"{gateway}control/log"),
            self._serving(server, f"{here}/no-such-page/"),
        ):
            yield here, gateway

    @contextmanager
    def _serving(self, arguments: list[str], ready: str) -> Iterator[None]:
        log = self.folder.parent / f"{arguments[1]}.log"
        with log.open("w") as out:
            process = subprocess.Popen(
                [str(self.python), *arguments], cwd=self.folder, env=self.env, stdout=out,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
            try:
                until = time.monotonic() + START_SECONDS
                while True:
                    try:
                        requests.get(ready, timeout=5)
                        break
                    except requests.ConnectionError:
                        assert process.poll() is None, log.read_text()[-4000:]
                        assert time.monotonic() < until, log.read_text()[-4000:]
                        time.sleep(0.1)
                yield
            finally:
                process.terminate()
                process.wait(20)
        assert "Traceback" not in log.read_text(), log.read_text()[-4000:]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
