"""A member leaves: personal data are scrubbed and the login is closed. Rows of money stay as they
are.

Amounts, times and the gateway's numbers are records of payments, which Korean law wants kept for
five years. The ledger is append-only: there the login name stays on entries of cancels that the
member made (`by_name`).
"""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from typing import Any

from axes.utils import reset as forget_login_attempts
from django import forms
from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import models, transaction
from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.db import permissions
from billing.db.routing import primary, write_alias
from billing.models import Point, PointCancellation, PointTransaction, WebhookEvent
from billing.states import Status
from billing_office import audit_log, columns, masking
from billing_office.actions import confirmation
from billing_office.base import MoneyAdmin
from billing_office.formatting import moment, points
from billing_office.pages.member import member

WINDOW = timedelta(minutes=60)  # a payment window that was opened may still be paid in for so long


class LeaveForm(forms.Form):
    """Whether. balance: what the page told, in points."""

    balance = forms.IntegerField(required=False, widget=forms.HiddenInput)


def leave(admin: MoneyAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """The steps of it. Staff, and members whose money is still on its way, are refused."""
    user = member(admin, request, object_id, permission=permissions.SCRUB)
    back = columns.member_url(user.pk)
    balance = Point.objects.balance_of(user)
    if getattr(user, "is_staff", False) or getattr(user, "is_superuser", False):
        messages.error(request, _("Staff cannot leave like this: take their rights away first."))
        return HttpResponseRedirect(back)
    if why := _still_open(user):
        messages.error(request, why)
        return HttpResponseRedirect(back)

    def act(found: dict[str, Any]) -> confirmation.Told:
        _close(user, balance_told=found["balance"])
        audit_log.record(request, Point(pk=user.pk), "leave")
        return messages.SUCCESS, _(
            "The member has left: personal data are scrubbed, the login is closed."
        )

    said = [
        _(
            "Login name, name and e-mail are overwritten, the password is removed, all "
            "sessions end. This cannot be undone."
        ),
        _(
            "Records of payments stay, as the law asks: amounts, times, the gateway's numbers, "
            "the ledger."
        ),
    ]
    if balance > 0:
        words = _(
            "%(points)s are left, which nobody can spend any more. Refund them first, if they "
            "are owed."
        )
        said.insert(0, words % {"points": points(balance)})
    return confirmation.walk(
        admin,
        request,
        title=_("The member leaves"),
        make_form=LeaveForm,
        silent={"balance": balance},
        explain=lambda found: said,
        act=act,
        button=_("Scrub and close"),
        back=back,
        about=[(_("Member"), masking.login(user.get_username())), (_("Balance"), points(balance))],
        danger=True,
    )


def _still_open(user: Any) -> str:
    """Why money of this member may still arrive or go, and until when; "" where none may.

    An account that waits for its deposit, an open cancel or return, an attempt whose payment window
    may still be open.
    """
    rows = primary(PointTransaction).filter(owner_id=user.pk)
    waits = rows.filter(
        status=Status.READY, next_check_at__isnull=False, account_closed_at__isnull=True
    ).exclude(vbank_num="")
    if waits.exists() or rows.filter(cancellations__state__in=PointCancellation.OPEN).exists():
        return _(
            "A deposit or a cancel of this member is still open. Wait until it is done, or "
            "settle it."
        )
    unpaid = rows.filter(
        status__in=[Status.READY, Status.FAILED],
        credited_at__isnull=True,
        account_closed_at__isnull=True,
    )
    newest = unpaid.filter(created_at__gt=timezone.now() - WINDOW).order_by("-created_at").first()
    if newest is None:
        return ""
    words = _(
        "A payment begun at %(began)s may still be paid in the gateway's window. The member "
        "can leave from %(until)s on."
    )
    return words % {"began": moment(newest.created_at), "until": moment(newest.created_at + WINDOW)}


def _close(user: Any, *, balance_told: int | None) -> None:
    """Scrub and close under the lock of the member's points, where everything is looked at once
    more. Raises steps.Refused.

    A payment that is applied at the same moment comes before, and is seen here, or after, and finds
    `left_at`: it is credited and flagged. balance_told: points that the page named; others by now
    keep the member from leaving.
    """
    accounts = Point.objects
    with transaction.atomic(using=write_alias(Point)):
        # The user first, as projects lock theirs before ours (docs/money.md); in full, because the
        # login name, a key, changes.
        primary(type(user)).select_for_update().filter(pk=user.pk).first()
        accounts.bulk_create([Point(pk=user.pk)], ignore_conflicts=True)
        # Transactions, cancellations, points, as everywhere: the scrub writes into all of them.
        own = PointTransaction.objects.filter(owner_id=user.pk)
        list(own.order_by("pk").select_for_update(no_key=True).values_list("pk"))
        touched = PointCancellation.objects.filter(Q(txn__in=own.values("pk")) | Q(by=user))
        list(touched.order_by("pk").select_for_update(no_key=True).values_list("pk"))
        account = accounts.select_for_update(no_key=True).get(pk=user.pk)
        if why := _still_open(user):
            raise confirmation.Refused(why)
        if balance_told not in (None, account.balance):
            raise confirmation.Refused(
                _("The member's balance has changed since this page was opened. Look at it again.")
            )
        accounts.filter(pk=user.pk, left_at__isnull=True).update(left_at=timezone.now())
        scrub(user)


def scrub(user: Any) -> None:
    """Overwrite what tells who this was. A project whose user model holds more about a person
    clears that too. Twice: nothing changes.
    """
    name = user.get_username()
    # Somebody may have taken any name that could be foreseen.
    nobody = (
        name
        if re.fullmatch(rf"left-{user.pk}-[0-9a-f]{{8}}", name)
        else f"left-{user.pk}-{secrets.token_hex(4)}"
    )
    known_as = [
        word
        for word in (name, getattr(user, user.get_email_field_name(), ""))
        if masking.login(word) != word
    ]
    with transaction.atomic(using=write_alias(type(user))):
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
        about = LogEntry.objects.filter(
            content_type=ContentType.objects.get_for_model(type(user)), object_id=str(user.pk)
        )
        about.update(object_repr=nobody, change_message="")
        _scrub_payments(user, name, nobody, known_as)
    forget_login_attempts(username=name)
    _end_sessions(user)


def _scrub_payments(user: Any, name: str, nobody: str, known_as: list[str]) -> None:
    """Who it was, out of the texts beside the money. known_as: addresses and numbers, which cannot
    be other words of a text.
    """

    def without(text: str) -> str:
        text = re.sub(
            rf"^adopted for {re.escape(name)} by ",
            f"adopted for {nobody} by ",
            text,
            flags=re.MULTILINE,
        )
        for word in known_as:
            text = text.replace(word, nobody)
        return text

    def changed(row: models.Model, *columns: str) -> dict[str, str]:
        texts = {column: getattr(row, column) for column in columns}
        # A short name's text may grow a little, and every column has room for 250.
        return {
            column: without(text)[: max(len(text), 250)]
            for column, text in texts.items()
            if without(text) != text
        }

    rows = primary(PointTransaction).filter(owner_id=user.pk)
    for txn in rows.iterator(chunk_size=500):
        texts = changed(txn, "review_note", "fail_reason", "cancel_reason")
        if texts or txn.vbank_holder:
            # The version, so that whoever writes this row at the moment reads it again.
            rows.filter(pk=txn.pk).update(**texts, vbank_holder="", version=F("version") + 1)
    PointCancellation.objects.filter(by=user).update(by_name=nobody)
    for one in primary(PointCancellation).filter(txn__owner_id=user.pk).iterator(chunk_size=500):
        if texts := changed(one, "reason", "error"):
            PointCancellation.objects.filter(pk=one.pk).update(**texts)
    returns = WebhookEvent.objects.filter(
        source=WebhookEvent.Source.RETURN, merchant_uid__in=rows.values("merchant_uid")
    )
    returns.update(address=None)


def _end_sessions(user: Any) -> None:
    """They hold the telephone number of the last charge. Sessions do not name their user in a
    column, so each is opened.
    """
    for session in primary(Session).filter(expire_date__gt=timezone.now()).iterator(chunk_size=500):
        if session.get_decoded().get("_auth_user_id") == str(user.pk):
            session.delete()
