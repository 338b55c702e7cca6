"""A provider for iamport in the manner of those that django-payments brings along (Stripe's,
Mercado Pago's): ask the gateway about the payment, compare, confirm.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import requests
from django.http import HttpRequest, JsonResponse
from payments import PaymentError, PaymentStatus
from payments.core import BasicProvider

from peers.gateway import CannedAnswers

API = "https://api.iamport.kr"
answers = CannedAnswers()
session = requests.Session()
session.mount("https://", answers)


class Verified(BasicProvider):
    """The callback brings an imp_uid; only the gateway's answer counts."""

    def process_data(self, payment: Any, request: HttpRequest) -> JsonResponse:
        imp_uid = json.loads(request.body)["imp_uid"]
        found = session.get(
            f"{API}/payments/{imp_uid}", headers={"Authorization": "Bearer t"}, timeout=10
        ).json()["response"]
        if found["merchant_uid"] != payment.token or Decimal(found["amount"]) != payment.total:
            raise PaymentError("another payment")
        if found["status"] == "paid":
            payment.transaction_id = imp_uid
            payment.captured_amount = payment.total
            payment.change_status(PaymentStatus.CONFIRMED)
            payment.save()
        return JsonResponse({"status": "OK"})
