"""Overwrite what tells who a member was. Rows of money stay as they are.

Amounts, times and the gateway's numbers are records of payments, which Korean law wants kept for
five years. The ledger is append-only: there the login name stays on entries of cancels that the
member made (`by_name`).
"""

from __future__ import annotations

import logging
import re
import secrets
from importlib import import_module
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends import db as database_sessions
from django.db import models, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from billing.conf import conf
from billing.db.routing import primary, write_alias
from billing.errors import BillingError
from billing.models import PointCancellation, PointTransaction, TransactionNote, WebhookEvent
from billing.note_codes import NoteCode
from billing.support.people import email_address, login_name
from billing_office import masking

logger = logging.getLogger("billing.staff")


class HookFailed(BillingError):
    """What BILLING_ANONYMIZE_USER names raised, so nothing was changed."""


def anonymize(user: Any) -> None:
    """Overwrite what tells who this was. Twice: nothing changes.

    Login name, names, e-mail addresses, password, groups, sessions, and the texts beside the
    payments are overwritten here. Whatever else a project holds about a person is its own to clear,
    in the hook that BILLING_ANONYMIZE_USER names:

        def forget(user):
            user.nickname = ""
            user.addresses.all().delete()

    It is called with the user as it was until now, inside the transaction in which everything else
    is overwritten, and need not save the user: that is done after it. It may be called a second
    time for the same user, and must not ask the network: rows of money are locked. What it raises
    is logged and becomes HookFailed here: all is rolled back, and staff are told.
    """
    name = login_name(user)
    # Somebody may have taken any name that could be foreseen.
    nobody = name if re.fullmatch(rf"left-{user.pk}-[0-9a-f]{{8}}", name) else _nobodys_name(user)
    contacts = [word for word in (name, email_address(user)) if masking.login(word) != word]
    with transaction.atomic(using=write_alias(type(user))):
        _call_hook(user)
        for field in user._meta.concrete_fields:
            if field.name in ("first_name", "last_name"):
                setattr(user, field.name, "")
            elif isinstance(field, models.EmailField):
                setattr(user, field.name, f"{nobody}@example.invalid" if field.unique else "")
            elif field.name == user.USERNAME_FIELD:
                setattr(user, field.name, nobody)
        user.set_unusable_password()
        user.is_active = False
        user.save()
        for rights in ("groups", "user_permissions"):  # a user model may have neither
            if hasattr(user, rights):
                getattr(user, rights).clear()
        log_entries = LogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(type(user)), object_id=str(user.pk)
        )
        log_entries.update(object_repr=nobody, change_message="")
        _overwrite_payment_texts(user, name, nobody, contacts)
    _end_sessions(user)


def _nobodys_name(user: Any) -> str:
    """A login name that nobody has; without the key where the column is too short for it."""
    name = f"left-{user.pk}-{secrets.token_hex(4)}"
    most = user._meta.get_field(user.USERNAME_FIELD).max_length
    return name if not most or len(name) <= most else secrets.token_hex(most)[:most]


def _call_hook(user: Any) -> None:
    """What the project adds; HookFailed for whatever it raises."""
    path = conf.BILLING_ANONYMIZE_USER
    if not path:
        return
    try:
        import_string(path)(user)
    except Exception as error:
        logger.exception("BILLING_ANONYMIZE_USER (%s) failed: the member stays", path)
        words = _(
            "The member has not left: what this site adds (BILLING_ANONYMIZE_USER) failed. Nothing "
            "was changed; the log says why."
        )
        raise HookFailed(words) from error


def _overwrite_payment_texts(user: Any, name: str, nobody: str, contacts: list[str]) -> None:
    """Who it was, out of the texts beside the money. contacts: addresses and numbers, which cannot
    be other words of a text.
    """

    def without(text: str) -> str:
        for word in contacts:
            text = text.replace(word, nobody)
        return text

    def changed_texts(row: models.Model, *columns: str) -> dict[str, str]:
        texts = {column: getattr(row, column) for column in columns}
        # A short name's text may grow a little, and every column has room for 250.
        return {
            column: without(text)[: max(len(text), 250)]
            for column, text in texts.items()
            if without(text) != text
        }

    rows = primary(PointTransaction).filter(owner_id=user.pk)
    for txn in rows.iterator(chunk_size=500):
        texts = changed_texts(txn, "fail_reason", "cancel_reason")
        if texts or txn.vbank_holder:
            # The version, so that whoever writes this row at the moment reads it again.
            rows.filter(pk=txn.pk).update(**texts, vbank_holder="", version=F("version") + 1)
    for note in primary(TransactionNote).filter(txn__owner_id=user.pk).iterator(chunk_size=500):
        params = {
            key: without(value) if isinstance(value, str) else value
            for key, value in note.params.items()
        }
        if note.code == NoteCode.CLAIMED and params.get("member") == name:
            params["member"] = nobody
        if params != note.params:
            TransactionNote.objects.filter(pk=note.pk).update(params=params)
    TransactionNote.objects.filter(by=user).update(by_name=nobody)
    PointCancellation.objects.filter(by=user).update(by_name=nobody)
    for cancellation in (
        primary(PointCancellation).filter(txn__owner_id=user.pk).iterator(chunk_size=500)
    ):
        if texts := changed_texts(cancellation, "reason", "error"):
            PointCancellation.objects.filter(pk=cancellation.pk).update(**texts)
    returns = WebhookEvent.objects.filter(
        source=WebhookEvent.Source.RETURN, merchant_uid__in=rows.values("merchant_uid")
    )
    returns.update(address=None)


def _end_sessions(user: Any) -> None:
    """They hold the telephone number of the last charge. Sessions do not name their user in a
    column, so each is opened. Those that are kept elsewhere (cache, cookies, files) cannot be
    listed: the closed login ends them, and they are forgotten there in their time.
    """
    store = import_module(conf.django.SESSION_ENGINE).SessionStore
    if not issubclass(store, database_sessions.SessionStore):
        return
    try:
        sessions = primary(store.get_model_class())
    except RuntimeError:  # a project without the app of sessions
        return
    for session in sessions.filter(expire_date__gt=timezone.now()).iterator(chunk_size=500):
        if session.get_decoded().get("_auth_user_id") == str(user.pk):
            key = session.session_key
            session.delete()
            store(key).delete()  # a copy in the cache, where the engine has one
