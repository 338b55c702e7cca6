"""Payments by API with a card or a billing key, and the scheduled ones whose time has come. Knows
nothing of requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from billing_sandbox.database import exclusive
from billing_sandbox.engine import clock, payments, webhook_queue
from billing_sandbox.models import Customer, Payment, Schedule

BILLING_PG = "html5_inicis.INIBillTst"
TEXT_LIMITS = {
    "name": 40,
    "buyer_name": 16,
    "buyer_email": 64,
    "buyer_tel": 16,
    "buyer_addr": 128,
    "buyer_postcode": 8,
}
# The company's words are ours.
CARD_EXPIRED = "[유효기간만료] 카드사에서 승인을 거절하였습니다"
NO_BILLING_KEY = "[빌링키없음] 등록되지 않은 구매자입니다."


def charge(
    facts: Mapping[str, Any], pg: str, card_number: str, *, site: str, declined: str = ""
) -> Payment:
    """One payment by API, paid or (declined: why) failed, with its webhook. Joins the caller's
    transaction.
    """
    payment = payments.create(**facts, pay_method="card", channel="api", asked_pg=pg, site=site)
    if declined:
        payment = payments.decline(payment.imp_uid, reason=declined)
        # billing attempts are told either way (reference, state machine)
        webhook_queue.queue(payment)
        return payment
    payment = payments.approve(payment.imp_uid)
    payment.card_number = card_number
    payment.save(update_fields=["card_number"])
    return payment


def charge_customer(
    customer: Customer, facts: Mapping[str, Any], usage: str, *, site: str
) -> Payment:
    """Pay with a billing key: paid, or failed where the card's last month is over. What is not told
    about the buyer, the key knows.
    """
    known = {
        f"buyer_{name}": getattr(customer, f"customer_{name}")
        for name in ("name", "email", "tel", "addr", "postcode")
    }
    filled = {
        name: text[: TEXT_LIMITS[name]]
        for name, text in known.items()
        if text and not facts.get(name)
    }
    facts = {**facts, **filled, "customer_uid": customer.customer_uid, "customer_uid_usage": usage}
    reason = CARD_EXPIRED if customer.valid_until <= clock.now() else ""
    return charge(
        facts,
        f"{customer.pg_provider}.{customer.pg_id}",
        customer.card_number,
        site=site,
        declined=reason,
    )


def run_due_schedules() -> int:
    """Make every payment whose time has come, each in a transaction of its own. Returns how many
    this caller made.
    """
    due = Schedule.objects.filter(
        state=Schedule.State.SCHEDULED, schedule_at__lte=clock.now()
    ).order_by("schedule_at", "pk")
    return sum(_run_schedule(key) for key in list(due.values_list("pk", flat=True)))


def _run_schedule(key: int) -> bool:
    with exclusive():  # IMMEDIATE: of two processes, one finds it still scheduled
        row = Schedule.objects.filter(pk=key, state=Schedule.State.SCHEDULED).first()
        if row is None:
            return False
        facts = {
            **row.facts,
            "merchant_uid": row.merchant_uid,
            "amount": row.amount,
            "currency": row.currency,
        }
        customer = Customer.objects.filter(customer_uid=row.customer_uid).first()
        if customer is None:
            facts |= {"customer_uid": row.customer_uid, "customer_uid_usage": "payment.scheduled"}
            payment = charge(facts, BILLING_PG, "", site=row.site, declined=NO_BILLING_KEY)
        else:
            payment = charge_customer(customer, facts, "payment.scheduled", site=row.site)
        row.state, row.executed_at = Schedule.State.EXECUTED, clock.now()
        row.imp_uid = payment.imp_uid
        row.save()
        return True
