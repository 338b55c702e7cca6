"""make run: the mode it chooses, the database it names."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / ".config_secret" / "settings_common.example.json"
SECRET = "x1y2z3-a-secret-that-must-not-be-shown"


def good():
    data = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    data["django"]["secret_key"] = SECRET * 3
    data["iamport"].update(
        iamport_code="imp12345678", iamport_key="1234567890123456", iamport_secret=SECRET
    )
    return data


def without(section, key=None):
    data = good()
    if key:
        del data[section][key]
    else:
        del data[section]
    return data


@pytest.fixture(scope="session")
def copy(tmp_path_factory):
    """A copy of the program: keys and databases that it makes are the copy's own, not this
    checkout's.
    """
    root = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__", "node_modules")
    shutil.copytree(ROOT / "django_app", root / "django_app", ignore=ignored)
    return root


# Reads the settings once for each line of its input, in a child that begins with nothing of them
# imported: a tenth of the time of a new Python for each.
READER = """
import json, os, sys, traceback
from importlib import import_module
from config.env import exit_on_config_error, settings_module
for line in sys.stdin:
    case = json.loads(line)
    child = os.fork()
    if not child:
        os.environ.clear()
        os.environ.update(case["environment"])
        output = os.open(case["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        code = 0
        try:
            with exit_on_config_error():
                import_module(settings_module())
        except SystemExit as stop:
            code = stop.code
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="session")
def read_settings(copy, tmp_path_factory):
    """read_settings(environment) → (exit code, output) of a program that reads its settings and
    does nothing else.
    """
    output = tmp_path_factory.mktemp("reader") / "output"
    reader = subprocess.Popen(
        [sys.executable, "-c", READER],
        cwd=copy / "django_app",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def read(environment):
        reader.stdin.write(json.dumps({"environment": environment, "output": str(output)}) + "\n")
        reader.stdin.flush()
        return int(reader.stdout.readline()), output.read_text(encoding="utf-8")

    yield read
    reader.stdin.close()
    reader.wait(10)
    reader.stdout.close()


@pytest.fixture
def run(tmp_path, copy, read_settings):
    """run(settings, *arguments, VARIABLE=…) → (exit code, output) of manage.py in live mode;
    without arguments the settings are read only.
    """

    def start(settings=None, *arguments, raw=None, **variables):
        path = tmp_path / "settings_common.json"
        if raw is not None:
            path.write_bytes(raw)
        elif settings is not None:
            path.write_text(json.dumps(settings), encoding="utf-8")
        kept = {
            name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}
        }
        variables.setdefault("DATABASE_URL", f"sqlite:///{tmp_path}/live.sqlite3")
        environment = {**kept, "SETTINGS_COMMON_FILE": str(path), **variables}
        if not arguments:
            return read_settings(environment)
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=copy / "django_app", env=environment, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return start


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def serve(copy):
    """serve(port) starts what `make run` starts, in sandbox mode, and waits until it answers."""
    started = []

    def start(port):
        environment = {
            "PATH": os.environ["PATH"],
            "IAMPORT_MODE": "sandbox",
            "PORT": str(port),
            "PYTHONUNBUFFERED": "1",
        }
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"], cwd=copy / "django_app", env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip
        started.append(process)
        for _ in range(300):
            if process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.mark.thorough
def test_serve_twice_and_stop(serve):
    port = free_port()
    for _ in range(2):  # the second start finds everything made
        process = serve(port)
        page = urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20).read().decode()
        assert 'name="password"' in page
        stylesheet = re.search(r'href="(/static/[^"]+\.css)"', page).group(1)
        assert (
            urllib.request.urlopen(f"http://127.0.0.1:{port}{stylesheet}", timeout=20).status == 200
        )
        taken = serve(port)
        assert taken.wait(60) != 0
        assert f"port {port} is in use" in taken.communicate()[0]
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=60)[0]
        assert process.returncode == 0, output
        assert "Traceback" not in output
        for line in (
            f"http://127.0.0.1:{port}/",
            "demo     demo1234!",
            "admin    admin1234!",
            "play money",
            "Stopped.",
        ):
            assert line in output
