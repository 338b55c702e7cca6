"""A member of whatever user model a project has."""

from __future__ import annotations

import inspect
import uuid
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils import timezone

PASSWORD = "a-long-passphrase-for-tests"  # noqa: S105


def create_member(**fields: Any) -> Any:
    """A user, saved. `fields` come first; what the model needs beside them (its USERNAME_FIELD, an
    e-mail address, fields without a default) is made up. Made by the manager's `create_user` where
    that takes these fields.

    Raises TypeError, with the field's name, where a value cannot be made up: a relation. A second
    time: another user.
    """
    model: Any = get_user_model()
    number = uuid.uuid4().hex[:8]
    values = {**_made_up(model, number, set(fields)), **fields}
    password = values.pop("password", PASSWORD)
    create = getattr(model._default_manager, "create_user", None)
    if create is not None and _takes(create, {**values, "password": password}):
        return create(**values, password=password)
    user = model(**values)
    user.set_password(password)
    user.save()
    return user


def _takes(function: Any, values: dict[str, Any]) -> bool:
    try:
        inspect.signature(function).bind(**values)
    except TypeError:
        return False
    return True


def _made_up(model: Any, number: str, given: set[str]) -> dict[str, Any]:
    wanted = {model.USERNAME_FIELD, *model.REQUIRED_FIELDS}
    try:
        address: Any = model._meta.get_field(model.get_email_field_name())
        wanted.add(address.name)
    except FieldDoesNotExist:
        pass
    for field in model._meta.concrete_fields:
        optional = field.null or field.has_default() or field.blank or field.primary_key
        if not optional and field.name != "password":
            wanted.add(field.name)
    return {name: _value(model._meta.get_field(name), number) for name in sorted(wanted - given)}


def _value(field: Any, number: str) -> Any:
    """A value that this field takes, different for each number where it is text."""
    if field.is_relation:
        raise TypeError(
            f"a member needs {field.name}: override the fixture `member` and give it one, as in "
            f"create_member({field.name}=…)"
        )
    if field.choices:
        return field.flatchoices[0][0]
    if isinstance(field, models.EmailField):
        return f"member-{number}@example.com"
    if isinstance(field, models.BooleanField):
        return False
    if isinstance(field, models.DateTimeField):
        return timezone.now()
    if isinstance(field, models.DateField):
        return timezone.localdate()
    if isinstance(field, models.TimeField):
        return timezone.now().time()
    if isinstance(field, models.DurationField):
        return timedelta()
    if isinstance(field, models.UUIDField):
        return uuid.uuid4()
    if isinstance(field, models.JSONField):
        return {}
    if isinstance(field, models.IntegerField | models.DecimalField | models.FloatField):
        return int(number, 16) % 30_000 if field.unique else 1
    return f"member-{number}"[-field.max_length :] if field.max_length else f"member-{number}"
