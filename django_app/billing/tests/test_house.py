"""The house: imports go down only, and files stay small."""

import ast
from pathlib import Path

import pytest

BILLING = Path(__file__).resolve().parents[1]
SANDBOX = BILLING.parent / "billing_sandbox"

# A module may import what stands on a lower floor, or a neighbour on its own.
FLOORS = [
    {
        "errors",
        "routing",
        "database_state",
        "signals",
        "throttle",
        "addresses",
        "triggers",
        "installation",
        "texts",
        "context_processors",
        "shared_cache",
        "punctual",
        "permissions",
        "foreign_indexes",
        "bookkeeping",
        "outbox",
        "non_atomic",
        "csv_file",
        "xlsx_file",
        "wire",
    },
    {"states"},
    {"payment"},
    {"unmatched"},
    {"client"},
    {"iamport"},
    {"managers"},
    {"models"},
    {"standing", "forms", "notices", "webhooks", "buyer", "audit", "figures", "self_cancel"},
    {"checkout", "answers", "mail", "history", "outcome", "reconciliation"},
    {"backlog"},
    {"staff_mail"},
    {"views", "views_history", "views_cancel", "admin", "management", "checks", "testing"},
    {"urls", "apps"},
]
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}


def modules(folder):
    return [
        path
        for path in sorted(folder.rglob("*.py"))
        if not {"tests", "migrations"} & set(path.parts)
    ]


def imported(path):
    """Full names of what a file imports; imports under TYPE_CHECKING do not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(path):
    return path.relative_to(BILLING).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(BILLING), ids=lambda path: str(path.relative_to(BILLING)))
def test_imports_go_down_only(path):
    if room(path) == "__init__":
        return
    assert room(path) in FLOOR, f"{room(path)} has no floor yet: give it one in this test"
    for name in imported(path):
        if name.startswith("billing."):
            below = name.split(".")[1]
            below = below if below in FLOOR else name.split(".")[-1]
            assert FLOOR[below] <= FLOOR[room(path)], f"{path.name} must not import {name}"


def test_billing_and_sandbox_do_not_know_each_other():
    for path in modules(BILLING):
        assert not [
            name
            for name in imported(path)
            if name.split(".")[0] in ("sandbox", "accounts", "config")
        ], path
    for path in modules(SANDBOX):
        assert not [name for name in imported(path) if name.split(".")[0] == "billing"], path


@pytest.mark.parametrize("folder", [BILLING, SANDBOX], ids=["billing", "sandbox"])
def test_files_stay_small(folder):
    sizes = {
        str(path.relative_to(folder)): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules(folder)
    }
    assert {name: size for name, size in sizes.items() if size > 400} == {}
