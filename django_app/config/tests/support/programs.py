"""Starting the program: a good file of keys, variations of it, and how an error must read."""

from __future__ import annotations

import json
import socket
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
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


def one_sentence(output, *parts):
    assert "Traceback" not in output
    assert SECRET not in output
    assert len(output.strip().splitlines()) == 1, output
    assert output.startswith("error: ")
    for part in parts:
        assert part in output


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
