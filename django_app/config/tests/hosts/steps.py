"""What every host project can do once billing is in it."""

from __future__ import annotations

import re

from config.tests.hosts import guide
from config.tests.hosts.journey import Journey
from config.tests.hosts.project import HostProject, lines

PASSWORD = "a-long-passphrase"
PAGES = ("charge/", "payments/", "entries/", "terms/", "payments.csv", "entries.csv")


def ids(output: str) -> list[str]:
    """The ids of check's messages."""
    return sorted(set(re.findall(r"\((\w+\.[EW]\d+)\)", output)))


def add_shop(host: HostProject) -> None:
    """The guide's shop, whose own transaction spends points."""
    host.lay("shop_app")
    for name in ("orders", "apps", "thanks"):
        host.write(f"shop/{name}.py", guide.block(f"shop/{name}.py"))
    host.write(host.settings, 'INSTALLED_APPS += ["shop"]')
    host.write(host.urls, lines("shop_app/urls.txt"))
    host.manage("makemigrations", "shop")
    host.manage("migrate", "-v0")


def every_page(member: Journey) -> None:
    """All of a member's pages are there, in Korean, with all that they load."""
    for path in PAGES:
        page = member.page(path)
        if path.endswith("/"):
            assert "포인트" in page
            assert member.statics(page)


def charge_spend_and_cancel(member: Journey) -> None:
    """Two charges, a spend and its refund, a cancel. The member had no points before."""
    first = member.charge()
    member.charge(30_000, "vbank")
    assert member.deliver() == {200}

    buy, back = f"{member.here}/shop/buy/", f"{member.here}/shop/take-back/"
    bought = member.post(buy, 200, price=4_000)
    assert (bought["balance"], bought["orders"]) == (36_000, 1)
    short = member.post(buy, 200, price=100_000)
    assert (short["balance"], short["orders"]) == (36_000, 1)
    assert short["words"] == "64000 points are missing"
    given_back = member.post(back, 200, order=bought["order"])
    assert (given_back["balance"], given_back["orders"]) == (40_000, 0)

    member.page(f"payments/{first}/")
    cancelled = member.post(f"payments/{first}/cancel/", 200, reason="changed my mind")
    assert (cancelled["status"], cancelled["balance"]) == ("cancelled", 30_000)
    assert member.deliver() == {200}
    every_page(member)


def plain_lists(staff: Journey, admin: str) -> None:
    """A plain admin: what the project registered, and eight lists that nobody edits."""
    index = staff.page(f"{staff.here}{admin}")
    assert "unfold" not in index.lower()
    lists = sorted(set(re.findall(rf'href="({admin}billing/\w+/)"', index)))
    assert len(lists) == 8
    for path in lists:
        assert f'href="{path}add/"' not in staff.page(f"{staff.here}{path}")


def money_adds_up(host: HostProject) -> None:
    """The audit is clean, and nothing of the project's tables is left to migrate."""
    host.manage("audit_points")
    host.manage("billing_indexes")
    host.manage("migrate", "--check")
    host.manage("makemigrations", "--check", "--dry-run")
