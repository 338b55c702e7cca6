"""What a user model of any kind tells of a person: a text each, "" where it has none or knows none.
A login name and an e-mail address may be NULL, and a model may have no e-mail field at all.
"""

from __future__ import annotations

from typing import Any


def login_name(user: Any) -> str:
    return str(user.get_username() or "")


def full_name(user: Any) -> str:
    return str(user.get_full_name() or "") if hasattr(user, "get_full_name") else ""


def email_address(user: Any) -> str:
    field = user.get_email_field_name()
    return str(getattr(user, field, "") or "") if field else ""
