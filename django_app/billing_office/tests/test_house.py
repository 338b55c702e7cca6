"""How the back office is laid out: imports go one way, files stay small."""

from __future__ import annotations

import ast
import importlib
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from billing_office.actions.registry import STAFF_ACTIONS
from billing_office.actions.staff_action import ImmediateAction, StaffAction

OFFICE = Path(__file__).resolve().parents[1]
PROJECT = OFFICE.parent
MOST_LINES = 400

# A package or module may import those above it, and a package its own modules.
LAYERS = [
    {"masking", "formatting", "unfold_texts"},
    {"audit_log", "error_messages", "gateway_lookup", "listing", "navigation", "review_notes"},
    {"columns", "personal_data", "searching"},
    {"exports"},
    {"base"},
    {"actions"},
    {"pages"},
    {"lists", "users"},
    {"site"},
    {"admin", "checks"},
    {"apps"},
]
LAYER = {name: number for number, names in enumerate(LAYERS) for name in names}
NOT_OURS = {"config", "accounts", "billing_sandbox"}


def modules(folder: Path) -> list[Path]:
    """Every module but tests and migrations."""
    return [
        path
        for path in sorted(folder.rglob("*.py"))
        if not {"tests", "migrations"} & set(path.relative_to(folder).parts)
    ]


def imports(path: Path) -> Iterator[str]:
    """Full names of what a file imports, also under TYPE_CHECKING and inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def name_of(path: Path) -> str:
    """billing_office.pages.member"""
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


OURS = {name_of(path): path for path in modules(OFFICE)}


def imported_modules(path: Path) -> set[str]:
    """Modules of the back office that a file imports, as a whole or a name of them."""
    return {
        module
        for name in imports(path)
        for module in (name, name.rpartition(".")[0])
        if module in OURS and module != "billing_office"
    }


@pytest.mark.parametrize("name", sorted(OURS))
def test_imports_go_one_way(name: str) -> None:
    if name == "billing_office":
        return
    own = name.split(".")[1]
    assert own in LAYER, f"{own} has no layer yet: give it one in this test"
    for module in imported_modules(OURS[name]):
        other = module.split(".")[1]
        assert other == own or LAYER[other] < LAYER[own], f"{name} must not import {module}"


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = {name: imported_modules(path) - {name} for name, path in OURS.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_private_names_stay_in_their_module() -> None:
    private = [
        f"{name} imports {full}"
        for name, path in OURS.items()
        for full in imports(path)
        if full.startswith("billing") and full.rpartition(".")[2].startswith("_")
    ]
    assert private == []


def test_the_back_office_knows_billing_alone() -> None:
    for name, path in OURS.items():
        strangers = {full.split(".")[0] for full in imports(path)} & NOT_OURS
        assert not strangers, f"{name} imports {strangers}"


def test_nothing_is_imported_that_the_extra_does_not_bring() -> None:
    known = {*sys.stdlib_module_names, "django", "unfold", "billing", "billing_office"}
    for name, path in OURS.items():
        assert {full.split(".")[0] for full in imports(path)} <= known, name


def test_what_every_project_imports_needs_no_unfold() -> None:
    """Django imports these of every app, at once and by themselves."""
    for own in ("apps", "checks", "admin"):
        tree = ast.parse((OFFICE / f"{own}.py").read_text(encoding="utf-8"))
        at_once = {node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)}
        assert not [name for name in at_once if name.startswith(("unfold", "billing_office"))]


def test_billing_does_not_know_the_back_office() -> None:
    for path in modules(PROJECT / "billing"):
        assert "billing_office" not in {full.split(".")[0] for full in imports(path)}, path


def test_every_action_is_in_the_list() -> None:
    folder = OFFICE / "actions"
    for path in folder.glob("*.py"):
        importlib.import_module(name_of(path))
    written = {ImmediateAction, *StaffAction.__subclasses__(), *ImmediateAction.__subclasses__()}
    assert written - {ImmediateAction} == set(STAFF_ACTIONS)


def test_files_stay_small() -> None:
    files = [*OFFICE.rglob("*.py"), *OFFICE.rglob("*.html"), *OFFICE.rglob("*.js")]
    sizes = {
        str(path.relative_to(OFFICE)): len(path.read_text(encoding="utf-8").splitlines())
        for path in files
    }
    assert {name: size for name, size in sizes.items() if size > MOST_LINES} == {}
