"""make run: the mode it chooses, the database it names."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from config.tests.support.programs import free_port


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
