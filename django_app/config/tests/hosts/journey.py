"""A member's way through a host project, over HTTP as a browser goes it."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import urljoin

import requests


class Journey:
    """prefix: where the project put billing.urls; gateway: the stand-in's address."""

    def __init__(self, here: str, prefix: str, gateway: str) -> None:
        self.here, self.base, self.gateway = here, f"{here}{prefix}", gateway
        self.session = requests.Session()

    def log_in(self, login: str, password: str, path: str = "/accounts/login/") -> None:
        address = f"{self.here}{path}"
        self.session.get(address, timeout=30)
        data = {
            "username": login,
            "password": password,
            "csrfmiddlewaretoken": self.session.cookies["csrftoken"],
        }
        answer = self.session.post(address, data, allow_redirects=False, timeout=30)
        assert answer.status_code == 302, answer.text[:2000]

    def page(self, path: str, status: int = 200) -> str:
        """The text of a page of billing (or of any address that begins with http)."""
        address = path if path.startswith("http") else f"{self.base}{path}"
        answer = self.session.get(address, timeout=30)
        assert answer.status_code == status, f"{address}: {answer.status_code}"
        return answer.text

    def post(self, path: str, status: int, **data: Any) -> dict[str, Any]:
        token = {"X-CSRFToken": self.session.cookies["csrftoken"]}
        address = path if path.startswith("http") else f"{self.base}{path}"
        answer = self.session.post(address, data, headers=token, timeout=30)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text[:2000]}"
        found: dict[str, Any] = answer.json()
        return found

    def control(self, path: str, **body: Any) -> dict[str, Any]:
        """The stand-in's control API."""
        answer = requests.post(f"{self.gateway}control/{path}", json=body, timeout=30)
        assert answer.status_code < 300, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def deliver(self) -> set[int | None]:
        """Hand webhooks out to the project; what it answered to all so far."""
        self.control("deliver")
        until = time.monotonic() + 30
        while time.monotonic() < until:
            log = requests.get(f"{self.gateway}control/log", timeout=30).json()
            states = {delivery["state"] for delivery in log["deliveries"]}
            if not states & {"queued", "sending"}:
                break
            time.sleep(0.1)
        return {delivery["answer_status"] for delivery in log["deliveries"]}

    def charge(self, amount: int = 10_000, method: str = "card") -> str:
        """The whole of a charge, as the page's script goes it. Returns the merchant_uid."""
        page = self.page("charge/")
        assert "charge.js" in page
        opened = self.post(
            "checkout/", 201, amount=amount, pay_method=method, buyer_tel="010-1234-5678",
            agree="true",
        )  # fmt: skip
        merchant_uid: str = opened["merchant_uid"]
        outcome = "vbank" if method == "vbank" else "paid"
        assert opened["request_pay"]["notice_url"] == f"{self.base}webhook/"
        paid = self.control(
            "pay", merchant_uid=merchant_uid, pay_method=method, outcome=outcome, webhook=True
        )
        told = self.post("validation/", 200, imp_uid=paid["imp_uid"], merchant_uid=merchant_uid)
        assert told["status"] == ("ready" if method == "vbank" else "paid"), told
        if method == "vbank":
            self.control(f"payments/{paid['imp_uid']}/deposit")
            assert self.deliver() == {200}
        state = self.session.get(f"{self.base}payments/{merchant_uid}/status/", timeout=30).json()
        assert state["status"] == "paid", state
        return merchant_uid

    def statics(self, page: str) -> list[str]:
        """The style sheets and scripts that a page names, each of them there."""
        found = [
            urljoin(self.base, path)
            for path in re.findall(r'(?:src|href)="([^"]+\.(?:css|js|svg))"', page)
        ]
        for address in found:
            assert self.session.get(address, timeout=30).status_code == 200, address
        return found
