"""The rooms of the sandbox: which package may import which, that no modules import each other in a
circle, and that no file grows too long.

All imports count, also those under TYPE_CHECKING and inside functions.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

APP = Path(__file__).resolve().parents[1]
MAX_LINES = 400

# What each room may import beside itself; a module of no package is named by itself.
# base: modules of the top level that know neither tables nor engine.
BASE = {
    "checks",
    "conf",
    "csp",
    "database",
    "envelope",
    "middleware",
    "parsing",
    "redaction",
    "router",
}
LOW = {"base", "models", "serializer", "formatting", "faults", "engine"}
ALLOWED: dict[str, set[str]] = {
    "base": set(),
    "models": set(),
    "serializer": {"models"},
    "formatting": {"models", "serializer"},
    "faults": {"base", "models"},
    "engine": {"base", "models", "serializer", "faults"},
    "apps": {"base", "engine"},  # checks register, the worker starts to listen
    "api": LOW,
    "window": LOW,
    "control": LOW | {"api", "window"},
    "panel": LOW | {"api", "window"},
    "urls": {"api", "window", "control", "panel"},
    "standalone": LOW | {"api", "window", "control", "panel", "urls"},
    "management": {"base", "standalone"},
    "__main__": {"management"},
}
# The stand-in is a gateway of its own: nothing of the shop's side.
FOREIGN = {"billing", "billing_office", "config", "accounts"}


def module_name(path: Path) -> str:
    parts = path.relative_to(APP.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    """All modules of the app, without tests and migrations."""
    return {
        module_name(path): path
        for path in sorted(APP.rglob("*.py"))
        if not {"tests", "migrations"} & set(path.relative_to(APP).parts)
    }


def names_in(source: str, module: str, *, is_package: bool) -> set[str]:
    """Every name that the source imports, also under TYPE_CHECKING and inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                parents = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parents, *filter(None, [node.module])])
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


@cache
def imports() -> dict[str, set[str]]:
    """Which modules of the app each of its modules imports. An empty `__init__` does not count."""
    graph: dict[str, set[str]] = {}
    for name, path in modules().items():
        named = names_in(
            path.read_text(encoding="utf-8"), name, is_package=path.name == "__init__.py"
        )
        full = {found for found in named if found in modules()}
        full -= {
            found
            for found in full
            if modules()[found].name == "__init__.py" and not modules()[found].stat().st_size
        }
        graph[name] = full - {name}
    return graph


def room(module: str) -> str:
    first = module.split(".")[1] if "." in module else ""
    return "base" if first in BASE else first


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle, or []."""
    done: set[str] = set()

    def visit(module: str, path: list[str]) -> list[str]:
        if module in path:
            return path[path.index(module) :]
        if module in done:
            return []
        for other in sorted(graph[module]):
            if found := visit(other, [*path, module]):
                return found
        done.add(module)
        return []

    return next((found for module in sorted(graph) if (found := visit(module, []))), [])


def test_every_module_has_a_room() -> None:
    assert {room(module) for module in modules()} - {""} == set(ALLOWED)


def test_packages_import_one_way() -> None:
    wrong = [
        f"{module} imports {other}"
        for module, others in imports().items()
        for other in sorted(others)
        if room(other) != room(module) and room(other) not in ALLOWED[room(module)]
    ]
    assert not wrong


def test_no_module_imports_itself_by_a_detour() -> None:
    assert circle(imports()) == []


def test_nothing_of_the_shops_side() -> None:
    """Tests aside: some meet the sandbox from there."""
    foreign = {}
    for path in APP.rglob("*.py"):
        if "tests" not in path.relative_to(APP).parts:
            source, is_package = path.read_text(encoding="utf-8"), path.name == "__init__.py"
            named = names_in(source, module_name(path), is_package=is_package)
            foreign[str(path)] = {name.split(".")[0] for name in named} & FOREIGN
    assert not {path: names for path, names in foreign.items() if names}


def test_no_file_is_too_long() -> None:
    files = [path for kind in ("py", "js", "css", "html") for path in APP.rglob(f"*.{kind}")]
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert not {str(path): length for path, length in lengths.items() if length > MAX_LINES}


def test_hidden_imports_and_circles_are_seen() -> None:
    source = (
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from a.b import c\n"
        "def f():\n    import a.d\n    from . import e\n"
    )
    assert {"a.b", "a.b.c", "a.d", "a.e"} <= names_in(source, "a.x", is_package=False)
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
