"""Payments without a window: with a card typed in (onetime, foreign), or with a billing key
(again).

V1 answers code 0 also where the card company declines: only `status` tells (vendor's guide to
billing). code ≠ 0 means that nothing was asked of the company at all.
"""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest

from billing_sandbox import parsing, serializer
from billing_sandbox.api import customers
from billing_sandbox.api.customers import CardInput, optional_text
from billing_sandbox.api.entry_point import api_view
from billing_sandbox.database import exclusive
from billing_sandbox.engine import request_pay
from billing_sandbox.engine.charges import TEXT_LIMITS, charge, charge_customer
from billing_sandbox.envelope import Refusal
from billing_sandbox.models import Payment
from billing_sandbox.parsing import Fields

NO_CUSTOMER = "등록되지 않은 구매자입니다."  # seen in the official clients' tests
# that the script's refusal is worded the same here is our guess
PAID_BEFORE = "이미 결제가 이루어진 거래건입니다."


def _onetime(request: HttpRequest, fields: Fields) -> dict[str, Any]:
    """A card that is typed in; with customer_uid it is kept as a billing key too."""
    return _pay_with_card(request, fields, birth=True)


def _foreign(request: HttpRequest, fields: Fields) -> dict[str, Any]:
    """The same for cards from abroad, which have no birth."""
    return _pay_with_card(request, fields, birth=False)


def _pay_with_card(request: HttpRequest, fields: Fields, *, birth: bool) -> dict[str, Any]:
    facts = payment_columns(fields, form=fields.form)
    uid = optional_text(fields, "customer_uid", 80)
    card = CardInput(fields, birth=birth)
    with exclusive():
        refuse_if_paid(facts["merchant_uid"])
        if uid:
            customers.save_billing_key(uid, card, fields)
        facts |= {"customer_uid": uid, "customer_uid_usage": "payment" if uid else ""}
        payment = charge(
            facts,
            ".".join(customers.provider_and_mid(fields)),
            card.masked,
            site=request_pay.base_url(request),
        )
    return serializer.payment_json(payment)


def _again(request: HttpRequest, fields: Fields) -> dict[str, Any]:
    facts = payment_columns(fields, form=fields.form)
    with exclusive():
        customer = customers.find_customer(fields.get("customer_uid"))
        if customer is None:
            raise Refusal(200, 1, NO_CUSTOMER)
        refuse_if_paid(facts["merchant_uid"])
        return serializer.payment_json(
            charge_customer(customer, facts, "payment", site=request_pay.base_url(request))
        )


def payment_columns(values: Any, *, form: bool) -> dict[str, Any]:
    """Columns of the payment that these fields ask for. Raises Refusal."""
    name = "merchant_uid"
    try:
        merchant_uid = parsing.merchant_uid(values.get(name))
        name = "currency"
        currency = parsing.currency(values.get(name)) if values.get(name) else "KRW"
        name = "amount"
        amount = parsing.amount(values.get(name), currency, digits_allowed=form)
        name = "notice_url"
        notice_urls = request_pay.parse_notice_urls(values.get(name)) if values.get(name) else []
        name = "custom_data"
        custom_data = values.get(name)
        if not isinstance(custom_data, str):
            custom_data = (
                ""
                if custom_data is None
                else json.dumps(custom_data, ensure_ascii=False, default=float)
            )
        custom_data = parsing.text(custom_data, 20_000) if custom_data else ""
    except (ValueError, RecursionError):
        raise Refusal(400, -1, customers.INVALID_FIELD.format(name)) from None
    texts = {name: optional_text(values, name, limit) for name, limit in TEXT_LIMITS.items()}
    return {
        "merchant_uid": merchant_uid, "amount": amount, "currency": currency,
        "notice_urls": notice_urls, "custom_data": custom_data, **texts,
    }  # fmt: skip


def refuse_if_paid(merchant_uid: str) -> None:
    """A merchant_uid pays once."""
    if Payment.objects.filter(merchant_uid=merchant_uid, paid_at__gt=0).exists():
        raise Refusal(200, 1, PAID_BEFORE)


onetime = api_view(POST=_onetime)
foreign = api_view(POST=_foreign)
again = api_view(POST=_again)
