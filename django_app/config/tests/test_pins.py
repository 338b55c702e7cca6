"""requirements*.txt are the pins that people write, requirements*.lock what is installed; here the
two are compared. What stands in requirements-live.txt alone, the site must start without.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from itertools import product
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from config import env
from config.tests.support.programs import ROOT, SECRET

APP = ROOT / "django_app"
# each begins with the one before it
NAMES = ["requirements", "requirements-live", "requirements-dev"]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
SYSTEMS = [("linux", "Linux"), ("darwin", "Darwin"), ("win32", "Windows")]


def pins(name: str) -> dict[str, Requirement]:
    """Package -> its pin, of the lines that stand in this file itself."""
    lines = (ROOT / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    texts = [line.split("#")[0].strip() for line in lines]
    found = [Requirement(text) for text in texts if text and not text.startswith("-r ")]
    return {canonicalize_name(pin.name): pin for pin in found}


def all_pins(name: str) -> dict[str, Requirement]:
    """With those of the files before it."""
    found = {}
    for one in NAMES[: NAMES.index(name) + 1]:
        found.update(pins(one))
    return found


def locked(name: str) -> list[tuple[Requirement, list[str]]]:
    """Each line of the lock with its hashes."""
    text = (ROOT / f"{name}.lock").read_text(encoding="utf-8").replace("\\\n", "")
    found = []
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            what, *hashes = re.split(r"\s+--hash=", line)
            found.append((Requirement(what), hashes))
    return found


def versions(name: str) -> dict[str, str]:
    return {canonicalize_name(line.name): str(line.specifier) for line, _ in locked(name)}


@pytest.mark.parametrize("name", NAMES)
def test_every_pin_stands_in_its_lock(name):
    assert pins(name)
    for package, pin in all_pins(name).items():
        assert re.fullmatch(r"==[0-9][0-9a-z.]*", str(pin.specifier)), f"{pin} is no exact version"
        assert versions(name).get(package) == str(pin.specifier), (
            f"{pin} stands in {name}.txt and not in its lock: make lock"
        )


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_a_lock_has_one_version_and_its_hashes(name):
    lines = locked(name)
    assert len(versions(name)) == len(lines)  # no package twice
    for line, hashes in lines:
        assert re.fullmatch(r"==[0-9][0-9a-z.]*", str(line.specifier)), line
        assert hashes, line
        assert line.url is None
        for value in hashes:
            assert re.fullmatch("sha256:[0-9a-f]{64}", value.strip()), line
    text = (ROOT / f"{name}.lock").read_text(encoding="utf-8")
    assert "://" not in text  # where somebody's own index lies
    assert not re.search(r"(?m)^-", text)


def test_the_locks_agree():
    small, live, dev = (versions(name) for name in NAMES)
    assert small.items() < live.items() < dev.items()


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_holds_what_every_python_and_system_needs(name):
    """What is installed here says what it needs elsewhere, too; pip refuses a lock that lacks it."""
    lines = {canonicalize_name(line.name): line for line, _ in locked(name)}
    extras = {package: pin.extras for package, pin in all_pins(name).items()}
    compared = 0
    for package, line in lines.items():
        for text in installed_needs(package, str(line.specifier)):
            needed = Requirement(text)
            for where in places(extras.get(package, set())):
                if not holds(line, where) or not holds(needed, where):
                    continue
                found = lines.get(canonicalize_name(needed.name))
                assert found is not None, f"{name}.lock lacks {text}, which {package} needs"
                assert holds(found, where), f"{package} needs {text} in {where}"
                version = str(found.specifier).removeprefix("==")
                assert needed.specifier.contains(version, prereleases=True), (package, text)
                compared += 1
    assert compared


def installed_needs(package: str, specifier: str) -> list[str]:
    """What this version of the package says it needs; nothing where it is not installed here."""
    try:
        found = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return []
    return found.requires or [] if specifier == f"=={found.version}" else []


def places(extras: Iterable[str]) -> Iterator[dict[str, str]]:
    """Everywhere it must install, without an extra and with each."""
    for python, (system, name), extra in product(PYTHONS, SYSTEMS, ["", *extras]):
        yield {
            "python_version": python,
            "python_full_version": f"{python}.0",
            "sys_platform": system,
            "platform_system": name,
            "os_name": "nt" if system == "win32" else "posix",
            "extra": extra,
        }


def holds(requirement: Requirement, where: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate(where)


def test_what_make_installs():
    """A newcomer gets no server, no PostgreSQL and no browser, and both targets compare hashes."""
    for target, name in (("runtime", "requirements"), ("dev", "requirements-dev")):
        said = subprocess.run(
            ["make", "--dry-run", "--always-make", f".venv/.{target}"], cwd=ROOT,
            capture_output=True, text=True, timeout=60, check=True,
        ).stdout  # fmt: skip
        installs = [line for line in said.splitlines() if "pip install" in line]
        assert len(installs) == 1
        assert installs[0].endswith(f" --require-hashes -r {name}.lock")


# -- what only deployments import ------------------------------------------------------------------

LIVE_ONLY = sorted(package.replace("-", "_") for package in pins("requirements-live"))
STARTS = """
import sys
for name in sys.argv[1].split():
    sys.modules[name] = None  # importing it is an ImportError
import django
django.setup()
from django.core.management import call_command
call_command("check")
from django.test import Client
from django.urls import get_resolver
assert get_resolver().url_patterns
assert Client().get("/healthz").status_code == 200
"""


def test_the_site_starts_without_them(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", STARTS, " ".join(LIVE_ONLY)], cwd=APP, capture_output=True,
        text=True, timeout=120, check=False,
        env={"DJANGO_SETTINGS_MODULE": "config.settings.test", "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def imported_at_once(path: Path) -> set[str]:
    """The top-level names of what this module imports when it is imported."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").split(".")[0])
    return found


def test_no_module_imports_them_when_it_is_imported():
    """Neither the site nor the apps; tests may, where they say that they are skipped."""
    for path in sorted(APP.rglob("*.py")):
        if "tests" not in path.relative_to(APP).parts:
            assert not imported_at_once(path) & set(LIVE_ONLY), path


def test_pytest_collects_everything_with_requirements_txt_alone():
    """As the README promises. A file that needs more says `importorskip` before it imports it; one
    that does not ends the whole run.
    """
    more = versions("requirements-dev").keys() - versions("requirements").keys()
    owners = metadata.packages_distributions()
    for path in sorted([*APP.rglob("test_*.py"), *APP.rglob("conftest.py")]):
        if "importorskip(" in path.read_text(encoding="utf-8"):
            continue
        for name in imported_at_once(path):
            assert not {canonicalize_name(owner) for owner in owners.get(name, [])} & more, (
                f"{path.relative_to(ROOT)} imports {name}"
            )


@pytest.mark.parametrize(
    ("module", "ask"),
    [
        ("psycopg", lambda: env.database(f"postgres://u:{SECRET}@h/name", Path("/"))),
        ("redis", lambda: env.cache(f"redis://:{SECRET}@h/0", Path("/"))),
    ],
)
def test_who_asks_for_one_that_is_missing_reads_what_to_install(monkeypatch, module, ask):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(env.ConfigurationError) as caught:
        ask()
    assert SECRET not in str(caught.value)
    assert str(caught.value).endswith(
        "is not installed: pip install --require-hashes -r requirements-live.lock."
    )


def test_readmes_install_the_servers_lock():
    command = ".venv/bin/python -m pip install --require-hashes -r requirements-live.lock"
    for name in ("README.md", "README.ko.md"):
        assert f"`{command}`" in (ROOT / name).read_text(encoding="utf-8")


# -- the forge -------------------------------------------------------------------------------------


def test_the_forge_tries_every_python_on_both_databases_with_both_djangos():
    """The file cannot run here; that it says what it is meant to say can be seen."""
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    matrix = yaml.safe_load(text)["jobs"]["tests"]["strategy"]["matrix"]
    assert matrix["python"] == PYTHONS
    assert matrix["database"] == ["sqlite", "postgresql"]
    assert matrix["django"] == ["5.2", "newest"]
    assert matrix["exclude"] == [{"python": "3.11", "django": "newest"}]
    assert str(pins("requirements")["django"].specifier).startswith("==5.2.")
    for action in re.findall(r"uses: (\S+)", text):
        assert re.fullmatch(r"[\w/-]+@v\d+\.\d+\.\d+", action), action
