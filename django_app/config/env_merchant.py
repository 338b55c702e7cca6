"""What the environment says about the merchant and about mail. Mistakes are ConfigurationErrors
that name the variable, never a secret.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formataddr, parseaddr

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from billing.conf import NO_MAIL
from config.env import ConfigurationError, choice, port

# Sandbox mode and tests show these; nobody can take them for a real shop's.
SAMPLE_MERCHANT: dict[str, str] = {
    "name": "연습용 상점",
    "representative": "홍길동",
    "registration_number": "000-00-00000",
    "mail_order_number": "제0000-서울예시-00000호",
    "address": "서울특별시 예시구 연습로 1",
    "telephone": "02-0000-0000",
    "email": "help@example.com",
    "hosting": "연습용 호스팅",
    "privacy_url": "",
}


def merchant(name: str, default: Mapping[str, str]) -> dict[str, str]:
    """The variable `name`, a JSON object of texts, over `default`, whose keys are all there are."""
    text = os.environ.get(name, "").strip()
    if not text:
        return dict(default)
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise ConfigurationError(
            f'{name} is not valid JSON: write an object such as {{"name": "…", "telephone": "…"}}.'
        ) from None
    if not isinstance(given, dict):
        raise ConfigurationError(f"{name} is no JSON object: write its keys and values in braces.")
    for key, value in given.items():
        if key not in default:
            raise ConfigurationError(
                f"{name} has the unknown key {key!r}: its keys are {', '.join(default)}."
            )
        if not isinstance(value, str) or not value.isprintable():
            raise ConfigurationError(
                f"{name} has no readable text for {key!r}: write it on one line, in quotes."
            )
    if given.get("privacy_url", "") and not given["privacy_url"].startswith(("https://", "/")):
        raise ConfigurationError(
            f"{name} has a privacy_url that is no address: begin it with https:// or /."
        )
    return {**default, **{key: value.strip() for key, value in given.items()}}


@dataclass(frozen=True)
class Mail:
    """How mail leaves. backend: Django's dotted path; sender: the From of every mail. Without a
    host nothing is sent.
    """

    backend: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = field(default="", repr=False)
    starttls: bool = False
    tls: bool = False
    sender: str = "no-reply@localhost"


def mail() -> Mail:
    """DJANGO_EMAIL_HOST, _PORT, _SECURITY (starttls, tls or none), _USER, _PASSWORD and _FROM."""
    host = os.environ.get("DJANGO_EMAIL_HOST", "").strip()
    if not host:
        return Mail(NO_MAIL)
    security = choice("DJANGO_EMAIL_SECURITY", ("starttls", "tls", "none"), "starttls")
    user, password = (
        os.environ.get("DJANGO_EMAIL_USER", "").strip(),
        os.environ.get("DJANGO_EMAIL_PASSWORD", ""),
    )
    if bool(user) != bool(password):
        raise ConfigurationError(
            "DJANGO_EMAIL_USER and DJANGO_EMAIL_PASSWORD belong together: set both or neither."
        )
    if user and security == "none" and host not in {"localhost", "127.0.0.1", "::1"}:
        raise ConfigurationError(
            "DJANGO_EMAIL_SECURITY is none, so the mail server's password would travel "
            "unprotected: write starttls or tls."
        )
    return Mail(
        "django.core.mail.backends.smtp.EmailBackend",
        host=host,
        port=port("DJANGO_EMAIL_PORT", {"starttls": 587, "tls": 465, "none": 25}[security]),
        user=user,
        password=password,
        starttls=security == "starttls",
        tls=security == "tls",
        sender=_sender("DJANGO_EMAIL_FROM"),
    )


def _sender(name: str) -> str:
    """The variable `name` as one address, with or without a person's or shop's name before it."""
    value = os.environ.get(name, "").strip()
    shown, address = parseaddr(value)
    try:
        validate_email(address)
    except ValidationError:
        raise ConfigurationError(
            f"{name} is {value!r}: write an address such as no-reply@points.example."
        ) from None
    if not value.isprintable():
        raise ConfigurationError(
            f"{name} holds characters that a mail's head cannot carry: write it on one line."
        )
    return formataddr((shown, address)) if shown.isascii() else f"{shown} <{address}>"
