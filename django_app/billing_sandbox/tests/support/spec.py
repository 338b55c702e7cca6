"""Validates answers against the vendor's own specification, which is not shipped: IAMPORT_V1_SPEC
names its file (Swagger 2.0, JSON).
"""

from __future__ import annotations

import functools
import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

VARIABLE = "IAMPORT_V1_SPEC"
MISSING = (
    f"{VARIABLE} does not name the vendor's v1.openapi.json: answers were not compared with it"
)
_BOUNDS = ("maxLength", "minLength", "maximum", "minimum", "maxItems", "minItems")
# Optional last parts of a path, which the spec writes as required.
_OPTIONAL = "/{payment_status}"


def given() -> bool:
    """Whether the file was named."""
    return bool(os.environ.get(VARIABLE))


def check(method: str, path: str, status: int, body: dict[str, Any]) -> str | None:
    """Raise AssertionError unless `body` is what the operation answers with `status`. Returns the
    operation, None if the spec has none.

    path: below the API's address; a query is ignored.
    """
    path = "/" + urlsplit(path).path.strip("/")
    for name, pattern, operations in _operations():
        operation = operations.get(method.lower())
        if operation is None or not pattern.fullmatch(path):
            continue
        where = f"{method} {name}"
        assert str(status) in operation["responses"], f"{where}: the spec knows no {status}"
        if body["code"] == 0:
            assert body["message"] is None
            assert body["response"] is not None
            schema = _schema(operation["responses"][str(status)]["schema"])
            problems = [
                f"{'/'.join(map(str, error.path))}: {error.message}"
                for error in _validator(json.dumps(schema)).iter_errors(body)
            ]
            assert not problems, f"{where}: {problems}"
        return where
    return None


@functools.cache
def _spec() -> dict[str, Any]:
    spec: dict[str, Any] = json.loads(Path(os.environ[VARIABLE]).read_text(encoding="utf-8"))
    return spec


@functools.cache
def _operations() -> list[tuple[str, re.Pattern[str], dict[str, Any]]]:
    """Fixed paths before those with parameters."""
    found = []
    for name, operations in sorted(_spec()["paths"].items(), key=lambda item: item[0].count("{")):
        base, optional = (
            (name.removesuffix(_OPTIONAL), f"(/{'[^/]+'})?")
            if name.endswith(_OPTIONAL) and "find" in name
            else (name, "")
        )
        found.append((name, re.compile(re.sub(r"\{[^}]+\}", "[^/]+", base) + optional), operations))
    return found


@functools.cache
def _validator(schema: str) -> Any:
    # of requirements-dev.txt: needed only where the spec is given
    from jsonschema import Draft202012Validator

    definitions = {
        name: _normal(item, closed=name.endswith("Annotation"))
        for name, item in _spec()["definitions"].items()
    }
    return Draft202012Validator({**_normal(json.loads(schema)), "definitions": definitions})


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Billing keys are answered in one of two forms, which the spec writes as if they were members;
    ours is the plain one.
    """
    plain = schema.get("properties", {}).get("CustomerResponse")
    return plain or schema


def _normal(node: Any, *, closed: bool = False) -> Any:
    """JSON Schema of a Swagger 2.0 node: null for what is not required, numbers for limits written
    as text.

    closed: no other members than those listed (the spec names all that V1 answers).
    """
    if isinstance(node, list):
        return [_normal(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {
        name: float(value) if name in _BOUNDS else _normal(value)
        for name, value in node.items()
        if name not in ("properties", "example")
    }
    properties = node.get("properties")
    if isinstance(properties, dict):
        # The spec copied some to where they do not belong.
        required = [name for name in node.get("required") or [] if name in properties]
        made["required"] = required
        made["properties"] = {
            name: _normal(item) if name in required else _or_null(_normal(item))
            for name, item in properties.items()
        }
        if closed and "code" not in properties:  # the envelope is put together by allOf
            made["additionalProperties"] = False
    elif not isinstance(made.get("required", []), list):
        made.pop("required")
    return made


def _or_null(schema: Any) -> Any:
    return {"anyOf": [schema, {"type": "null"}]}
