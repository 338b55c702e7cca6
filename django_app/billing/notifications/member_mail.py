"""What members are mailed about their payments: paid, an account to pay into, refunded, wrong money
sent back.

The signals' receivers take along what the mail says and ask nothing, so that they cost the request
no statement; `mail_queue` does the rest. A member without an address gets no mail. The language is
the one kept with the member, because no request is at hand, and neither is a host name: links need
PUBLIC_URL.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override, pgettext

from billing import signals
from billing.conf import NO_MAIL, conf
from billing.models import PointTransaction
from billing.notifications import mail_queue
from billing.support.dates import short_date
from billing.web.display_status import deadline_words


@dataclass(frozen=True)
class Letter:
    """A mail in words. facts: (label, value). link: an absolute address, "" for none."""

    subject: str
    sentences: list[str]
    facts: list[tuple[str, str]] = field(default_factory=list)
    link: str = ""
    link_label: str = ""


def connect() -> None:
    """Listen to the signals. A second time: nothing changes."""
    for signal, receiver in (
        (signals.point_charged, on_charged),
        (signals.account_issued, on_account),
        (signals.point_cancelled, on_cancelled),
        (signals.mismatch_refunded, on_returned),
    ):
        signal.connect(
            receiver, dispatch_uid=f"billing.notifications.member_mail.{receiver.__name__}"
        )


def message(letter: Letter, address: str) -> EmailMultiAlternatives:
    """The mail as text and simple HTML, in the active language."""
    context = {"letter": letter, "merchant": conf.BILLING_MERCHANT}
    subject = " ".join(letter.subject.split())  # one line, whatever a text holds
    text = render_to_string("billing/mail/letter.txt", context)
    mail = EmailMultiAlternatives(
        subject, text, to=[address], headers={"Auto-Submitted": "auto-generated"}
    )
    mail.attach_alternative(render_to_string("billing/mail/letter.html", context), "text/html")
    return mail


def email_field() -> str | None:
    """The user model's field for an e-mail address; None where it has none."""
    model = get_user_model()
    name: str = model.get_email_field_name()
    try:
        model._meta.get_field(name)
    except FieldDoesNotExist:
        return None
    return name


# -- receivers -------------------------------------------------------------------------------------


def on_charged(txn: PointTransaction, points: int, **kwargs: Any) -> None:
    """Paid."""
    _post(paid, txn, points=points)


def on_account(txn: PointTransaction, **kwargs: Any) -> None:
    """A virtual account waits."""
    _post(account, txn)


def on_cancelled(txn: PointTransaction, points: int, **kwargs: Any) -> None:
    """Refunded, all or a part."""
    _post(cancelled, txn, points=points)


def on_returned(txn: PointTransaction, amount: Decimal, currency: str, **kwargs: Any) -> None:
    """Wrong money was sent back."""
    _post(returned, txn, amount=amount, currency=currency)


def _post(compose: Callable[..., Letter], txn: PointTransaction, **more: Any) -> None:
    if conf.BILLING_MAIL and conf.django.EMAIL_BACKEND != NO_MAIL:
        as_it_is = copy(txn)  # the caller goes on with its own
        job = partial(
            _send, compose, as_it_is, language=txn.owner.language, balance=txn.owner.balance, **more
        )
        mail_queue.put(f"{compose.__name__} {txn.merchant_uid}", job)


def _send(
    compose: Callable[..., Letter], txn: PointTransaction, *, language: str, **more: Any
) -> None:
    name = email_field()
    member: Any = (
        get_user_model()._default_manager.filter(pk=txn.owner_id).first() if name else None
    )
    # Is_active need not be a field.
    address = getattr(member, name or "", "") if member is not None and member.is_active else ""
    if address:
        with override(
            language if language in dict(conf.django.LANGUAGES) else conf.django.LANGUAGE_CODE
        ):
            message(compose(txn, **more), address).send()


# -- letters ---------------------------------------------------------------------------------------


def paid(txn: PointTransaction, *, points: int, balance: int) -> Letter:
    """points: what this payment brought."""
    return Letter(
        _("You received %(points)sP") % {"points": f"{points:,}"},
        [
            _("You paid %(amount)s won and received %(points)sP.")
            % {"amount": f"{txn.amount:,}", "points": f"{points:,}"}
        ],
        [
            (pgettext("payment", "Method"), txn.method_label),
            *([(_("Paid on"), _moment(txn.paid_at))] if txn.paid_at else []),
            (_("Your points"), f"{balance:,}P"),
            (_("Payment number"), txn.merchant_uid),
        ],
        **_link(txn),
    )


def account(txn: PointTransaction, *, balance: int) -> Letter:
    """Where to pay in, and until when."""
    due = deadline_words(txn)
    if due:
        subject, sentence = (
            _("Pay in by %(due)s"),
            _("Pay in by %(due)s and your points arrive at once."),
        )
    else:
        subject, sentence = (
            _("Pay in and your points arrive"),
            _("Pay in and your points arrive at once."),
        )
    return Letter(
        subject % {"due": due},
        [sentence % {"due": due}, _("Please pay in exactly this amount.")],
        [
            (_("Bank"), txn.vbank_name),
            (_("Account number"), txn.vbank_num),
            *([(_("Account holder"), txn.vbank_holder)] if txn.vbank_holder else []),
            (_("Exact amount"), _won(txn.amount)),
            *([(_("Pay in by"), due)] if due else []),
            (_("Payment number"), txn.merchant_uid),
        ],
        **_link(txn),
    )


def cancelled(txn: PointTransaction, *, points: int, balance: int) -> Letter:
    """points: what this cancel took; a won each."""
    amount = f"{points:,}"
    if txn.cancel_amount >= txn.amount and points >= txn.amount:
        sentence = _("We refunded your payment of %(amount)s won and took back %(amount)sP.") % {
            "amount": amount
        }
    else:
        sentence = _(
            "We refunded %(amount)s won of your payment of %(whole)s won and took back %(amount)sP."
        ) % {
            "amount": amount,
            "whole": f"{txn.amount:,}",
        }
    facts = [(pgettext("payment", "Method"), txn.method_label)]
    if txn.cancel_amount > points:
        facts.append((_("Refunded in all"), _won(txn.cancel_amount)))
    if balance < 0:
        short = f"{-balance:,}"
        more = [
            _(
                "Points already spent were refunded: you are %(short)sP short. Charge points "
                "or contact us."
            )
            % {"short": short}
        ]
    else:
        more = []
        facts.append((_("Your points"), f"{balance:,}P"))
    return Letter(
        _("We refunded %(amount)s won") % {"amount": amount},
        [sentence, _("Your bank or card company may take some days until you see it."), *more],
        [*facts, (_("Payment number"), txn.merchant_uid)],
        **_link(txn),
    )


def returned(txn: PointTransaction, *, amount: Decimal, currency: str, balance: int) -> Letter:
    """amount: in major units of `currency`."""
    money = (
        _won(int(amount))
        if currency == "KRW" and amount == int(amount)
        else f"{amount.normalize():,f} {currency}"
    )
    return Letter(
        _("We sent %(money)s back to you") % {"money": money},
        [
            _(
                "%(money)s that did not belong to your order was paid, so we sent it back. "
                "Your points did not change."
            )
            % {"money": money},
            _("Your bank or card company may take some days until you see it."),
        ],
        [(_("Payment number"), txn.merchant_uid)],
        **_link(txn),
    )


def _link(txn: PointTransaction) -> dict[str, str]:
    if not conf.PUBLIC_URL:
        return {}
    return {
        "link": f"{conf.PUBLIC_URL}{reverse('billing:payment', args=[txn.merchant_uid])}",
        "link_label": _("See this payment"),
    }


def _won(amount: int) -> str:
    return _("%(amount)s won") % {"amount": f"{amount:,}"}


def _moment(moment: Any) -> str:
    # Translators: date format of Django, for example "Thu 26 Nov 2026, 23:59"
    return short_date(moment, _("D j M Y, H:i"))
