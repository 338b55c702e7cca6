"""The house: packages that import one way, small files, and nothing decided by reading a sentence."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

APP = Path(__file__).resolve().parents[2]
BILLING = APP / "billing"
ROOT = APP.parent
APPS = ("billing", "billing_office", "billing_sandbox", "config", "accounts")

# A package of billing may import those above it in this list, and nothing below.
ORDER = [
    "conf",  # every setting
    "states",  # statuses, reviews, decisions: words that everything shares
    "note_codes",
    "errors",
    "signals",
    "admin_site",  # which AdminSite shows the lists
    "support",
    "templatetags",
    "db",
    "gateway",
    "models",
    "services",
    "webhooks",
    "reconciliation",
    "reports",
    "web",
    "notifications",
    "checks",
    "admin",
    "management",
    "testing",
    "urls",
    "apps",
]
# The verbs of managers call services, and services work on the models that have these managers: the
# one import that goes down, when a verb is called and not before.
WHEN_CALLED = {("models", "services")}


class Import(NamedTuple):
    name: str  # in full: module.attribute
    when_called: bool  # inside a function


def sources(folder: Path, *suffixes: str) -> list[Path]:
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix in suffixes and "node_modules" not in path.parts
    ]


def modules(folder: Path) -> list[Path]:
    """Those that serve, without tests and migrations."""
    return [path for path in sources(folder, ".py") if not {"tests", "migrations"} & {*path.parts}]


def imports(path: Path) -> Iterator[Import]:
    """All of them: for types only (TYPE_CHECKING) and inside functions too."""

    def found(node: ast.AST, inside: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here"
            yield from (Import(f"{node.module}.{alias.name}", inside) for alias in node.names)
        inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for child in ast.iter_child_nodes(node):
            yield from found(child, inside)

    yield from found(ast.parse(path.read_text(encoding="utf-8")), inside=False)


def package(path: Path) -> str:
    return path.relative_to(BILLING).parts[0].removesuffix(".py")


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(APP).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("name", ORDER)
def test_imports_of_billing_go_one_way(name: str) -> None:
    above = set(ORDER[: ORDER.index(name) + 1])
    for path in modules(BILLING):
        if package(path) != name:
            continue
        for imported in imports(path):
            if not imported.name.startswith("billing."):
                continue
            other = imported.name.split(".")[1]
            late = imported.when_called and (name, other) in WHEN_CALLED
            assert other in above or late, f"{name_of(path)} must not import {imported.name}"


def test_every_package_of_billing_has_its_place() -> None:
    found = {package(path) for path in modules(BILLING)} - {"__init__"}
    assert found == set(ORDER)


@pytest.mark.parametrize("app", APPS)
def test_no_module_is_part_of_a_circle(app: str) -> None:
    known = {name_of(path): path for path in modules(APP / app)}
    graph = {
        name: {
            target
            for imported in imports(path)
            for target in (imported.name, imported.name.rpartition(".")[0])
            if target in known
            and target != name
            and not (imported.when_called and name.startswith("billing.models."))
        }
        for name, path in known.items()
    }
    done: set[str] = set()

    def walk(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, f"a circle: {' → '.join([*way, name])}"
        if name not in done:
            for target in graph[name]:
                walk(target, (*way, name))
            done.add(name)

    for name in graph:
        walk(name, ())


def test_apps_know_of_each_other_only_upwards() -> None:
    allowed: dict[str, set[str]] = {
        "billing": set(),
        "billing_sandbox": set(),
        "billing_office": {"billing"},
        "accounts": {"billing"},
        "config": {"billing", "billing_office", "accounts"},
    }
    for app in APPS:
        for path in modules(APP / app):
            if app == "billing" and package(path) == "testing":
                continue  # the sandbox is what it is for
            others = {imported.name.split(".")[0] for imported in imports(path)} & set(APPS)
            assert others <= allowed[app] | {app}, f"{name_of(path)} imports {others}"


def test_nothing_private_is_imported() -> None:
    found = [
        f"{name_of(path)}: {imported.name}"
        for app in APPS
        for path in modules(APP / app)
        for imported in imports(path)
        if imported.name.split(".")[0] in APPS
        and any(part.startswith("_") and part != "__future__" for part in imported.name.split("."))
    ]
    assert found == []


@pytest.mark.parametrize("folder", [APP, ROOT / ".ci"], ids=["django_app", ".ci"])
def test_files_stay_small(folder: Path) -> None:
    sizes = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in sources(folder, ".py", ".js", ".mjs")
        if "migrations" not in path.parts
    }
    assert {name: size for name, size in sizes.items() if size > 400} == {}


def test_nothing_is_named_by_what_was_left_over() -> None:
    leftovers = ("_more", "_misc", "_rest", "_other", "_stuff")
    names = [path.stem for path in sources(APP, ".py", ".js", ".html")]
    assert [name for name in names if name.endswith(leftovers)] == []


# Attributes that hold sentences: the gateway's words, our developers', people's.
SENTENCES = {"error", "detail", "gateway_message", "error_msg", "fail_reason", "cancel_reason"}
# Which words a payer reads for a failed payment depends on how processors say that the window was
# closed: display only, and what is not recognised is said as it is.
CHOOSES_WORDS = {"billing.web.display_status"}
READERS = {"startswith", "endswith", "find", "index", "count"}


def holds_a_sentence(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):  # str(error), error.lower()
        inner = node.args[0] if getattr(node.func, "id", "") == "str" and node.args else None
        if inner is not None:
            return isinstance(inner, ast.Name) and inner.id in {"error", "trouble", "exc"}
        return isinstance(node.func, ast.Attribute) and holds_a_sentence(node.func.value)
    return isinstance(node, ast.Attribute) and node.attr in SENTENCES


def decisions_by_text(source: str) -> list[str]:
    """Conditions that compare such a text with another, or search in it."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            texts = [
                side for side in sides if isinstance(side, ast.Constant | ast.JoinedStr)
                and getattr(side, "value", "x") not in ("", None)
            ]  # fmt: skip
            if texts and any(map(holds_a_sentence, sides)):
                found.append(ast.unparse(node))
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and (
                (node.func.attr in READERS and holds_a_sentence(node.func.value))
                or (
                    node.func.attr in {"match", "fullmatch", "search"}
                    and any(map(holds_a_sentence, node.args))
                )
            )
        ):
            found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("app", APPS)
def test_nothing_is_decided_by_reading_a_sentence(app: str) -> None:
    found = {
        name_of(path): decided
        for path in modules(APP / app)
        if name_of(path) not in CHOOSES_WORDS
        and (decided := decisions_by_text(path.read_text(encoding="utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        'event.error.startswith(("GatewayUnreachable", "GatewayRefused"))',
        '"given up" in one.error',
        'str(error) == "it is closed already"',
        "re.fullmatch(pattern, cancellation.error)",
        'f"{imp_uid}: closing" in txn.cancel_reason',
    ],
)
def test_such_a_decision_would_be_found(source: str) -> None:
    assert decisions_by_text(source) != []


def test_settings_are_read_through_conf() -> None:
    """`settings.AUTH_USER_MODEL` of the models is Django's own way to name the user."""
    for app in ("billing", "billing_office"):
        for path in modules(APP / app):
            names = {imported.name for imported in imports(path)}
            if "models" in path.parts or path == BILLING / "conf.py":
                continue
            assert "django.conf.settings" not in names, name_of(path)
