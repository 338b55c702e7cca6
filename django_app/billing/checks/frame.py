"""The frame of the pages: a project's own billing/base.html must have a place for all that they
bring. A page without its script would show a button that does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, cast

from django.core.checks import CheckMessage, Error, register
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.template.base import Node, NodeList, Template, VariableNode
from django.template.loader import get_template
from django.template.loader_tags import BlockNode, ExtendsNode

N = TypeVar("N", bound=Node)

FRAME = "billing/base.html"
BLOCKS = {  # block: what is missing without it
    "billing_title": "its title",
    "billing_head": "its style sheets",
    "billing_content": "everything that it shows",
    "billing_scripts": "its script, and the button to pay would do nothing",
}


@register("billing")
def frame(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Whether the pages can be loaded, and the frame has every block."""
    try:
        pages, frame = get_template("billing/charge.html"), get_template(FRAME)
        for found in (pages, frame):
            if not isinstance(getattr(found, "template", None), Template):
                return [_other_engine(found)]
        chain = _chain(frame.template)  # type: ignore[attr-defined]
    except TemplateDoesNotExist as error:
        return [
            Error(
                f"The template {error} cannot be found.",
                hint=(
                    "TEMPLATES needs Django's backend with APP_DIRS = True, or its app_directories "
                    "loader."
                ),
                id="billing.E019",
            )
        ]
    except TemplateSyntaxError as error:
        return [
            Error(
                f"A page of billing cannot be made: {error}",
                hint=f"Look at your {FRAME}.",
                id="billing.E019",
            )
        ]
    if chain is None:
        return []  # its parent is chosen when the page is made
    there = _blocks(chain)
    return [
        Error(
            f"{FRAME} has no block “{name}”: every page would lack {what}.",
            hint=f"{{% block {name} %}}{{% endblock %}}, where your own frame has room for it.",
            id="billing.E020",
        )
        for name, what in BLOCKS.items()
        if name not in there
    ]


def _other_engine(found: Any) -> CheckMessage:
    place = getattr(getattr(found, "origin", None), "name", FRAME)
    return Error(
        f"{place} is taken by another engine of TEMPLATES before Django's own is asked.",
        hint="Put Django's backend first, or that file out of the other's way.",
        id="billing.E019",
    )


def _chain(template: Template) -> list[Template] | None:
    """The template and what it extends, up to the outermost; None where a name is no constant."""
    found = [template]
    while (extends := _extends(found[-1])) is not None:
        parent = getattr(extends.parent_name, "var", None)
        if not isinstance(parent, str):
            return None
        found.append(get_template(parent).template)  # type: ignore[attr-defined]
    return found


def _extends(template: Template) -> ExtendsNode | None:
    return next((node for node in template.nodelist if isinstance(node, ExtendsNode)), None)


def _blocks(chain: list[Template]) -> set[str]:
    """The blocks that a page would show: those of the outermost template, and what stands in the
    place of them.
    """
    definitions: dict[str, list[BlockNode]] = {}  # the innermost first
    for template in chain:
        for node in _all(template.nodelist, BlockNode):
            definitions.setdefault(node.name, []).append(node)
    found: set[str] = set()

    def visit(nodes: NodeList) -> None:
        for block in _direct(nodes):
            if block.name not in found:
                found.add(block.name)
                show(block.name, 0)

    def show(name: str, depth: int) -> None:
        block = definitions[name][depth]
        visit(block.nodelist)
        shows_parent = any(
            node.filter_expression.token.startswith("block.super")
            for node in _all(block.nodelist, VariableNode)
        )
        if shows_parent and depth + 1 < len(definitions[name]):
            show(name, depth + 1)

    visit(chain[-1].nodelist)
    return found


def _all(nodes: NodeList, kind: type[N]) -> list[N]:
    return cast(list[N], nodes.get_nodes_by_type(kind))


def _direct(nodes: NodeList) -> Iterator[BlockNode]:
    """The blocks of these nodes, not those inside other blocks."""
    for node in nodes:
        if isinstance(node, BlockNode):
            yield node
            continue
        for name in node.child_nodelists:
            if inner := getattr(node, name, None):
                yield from _direct(inner)
