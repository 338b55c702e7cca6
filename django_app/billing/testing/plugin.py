"""Fixtures for pytest, in any project: `pytest_plugins = ["billing.testing.plugin"]` in its
conftest.py and `INSTALLED_APPS += ["billing_sandbox"]` in the settings of its tests.
docs/testing.md has an example of each.

Each fixture that needs the database asks for it, as pytest-django's `admin_user` does: a test that
wants real transactions says so with `@pytest.mark.django_db(transaction=True)`. A fixture of the
same name in a project's conftest.py takes its place; `charge` and the others then use that one.

Nothing of Django is imported before a fixture is used: a project may configure it in its conftest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from django.http import HttpResponse

    from billing.models import PointTransaction
    from billing.testing.clock import Clock
    from billing.testing.sandbox import SandboxGateway

NOT_INSTALLED = (
    'billing.testing needs the sandbox gateway: write INSTALLED_APPS += ["billing_sandbox"] in the '
    "settings of your tests"
)


@pytest.fixture(autouse=True, scope="session")
def billing_emptying() -> Iterator[None]:
    """At the end of tests with real transactions the ledger is emptied too, which its triggers
    would refuse.
    """
    from billing.testing.emptying import ledger_emptied_too

    with ledger_emptied_too():
        yield


@pytest.fixture
def billing_mail() -> Iterator[None]:
    """Billing's mail is in `mailoutbox` as soon as its reason has happened."""
    from billing.testing.mail import mail_at_once

    with mail_at_once():
        yield


@pytest.fixture
def billing_gateway(db: None, billing_mail: None) -> Iterator[SandboxGateway]:
    """The sandbox gateway, under a name that no project uses for something else."""
    from django.apps import apps

    from billing.testing.sandbox import sandbox_gateway

    if not apps.is_installed("billing_sandbox"):
        pytest.fail(NOT_INSTALLED, pytrace=False)
    with sandbox_gateway() as made:
        yield made


@pytest.fixture
def gateway(billing_gateway: SandboxGateway) -> SandboxGateway:
    """The gateway in place of the real one: what was asked of it, and everything that the other
    fixtures do, with more choices. Nothing else can be reached through `requests`.
    """
    return billing_gateway


@pytest.fixture
def member(db: None) -> Any:
    """A user of the project's own model, with password and e-mail address. Override it where your
    users need more: `return create_member(team=team)`.
    """
    from billing.testing.members import create_member

    return create_member()


@pytest.fixture
def charge(
    request: pytest.FixtureRequest, billing_gateway: SandboxGateway
) -> Callable[..., PointTransaction]:
    """charge(amount=10_000, method="card", *, member=…, outcome="paid", sync=True) → the
    transaction, after a member has started it, used the window and come back.

    amount: won. method: card, trans, vbank, phone … member: another than the fixture's. outcome:
    what happens in the window: paid, failed, or ready (closed). With vbank, paid means that the
    account was issued; `deposit` pays into it. sync=False: the browser never came back, and the
    gateway's webhook is the first to tell. The webhook waits for `webhooks`. Every call is another
    charge.
    """

    def make(
        amount: int = 10_000,
        method: str = "card",
        *,
        member: Any = None,
        outcome: str = "paid",
        sync: bool = True,
    ) -> PointTransaction:
        from billing.models import PointTransaction

        payer = request.getfixturevalue("member") if member is None else member
        txn = PointTransaction.objects.start(user=payer, amount=amount, pay_method=method)
        if method == "vbank" and outcome == "paid":
            outcome = "vbank"
        imp_uid = billing_gateway.pay(
            txn.merchant_uid, outcome=outcome, pay_method=method, webhook=True
        )
        if sync:
            PointTransaction.objects.sync(imp_uid)
        return _again(txn)

    return make


@pytest.fixture
def deposit(billing_gateway: SandboxGateway) -> Callable[..., PointTransaction]:
    """deposit(txn, amount=None) → the transaction after `amount` won arrived in its virtual account
    (None: what it waits for) and the webhook of that was delivered.

    AssertionError where the bank sends the money back: another amount, past the deadline, or paid
    already.
    """

    def make(txn: PointTransaction, amount: int | None = None) -> PointTransaction:
        waiting = billing_gateway.queued()
        billing_gateway.deposit(_payment_of(billing_gateway, txn), amount)
        billing_gateway.webhooks(but=waiting)
        return _again(txn)

    return make


@pytest.fixture
def console_cancel(billing_gateway: SandboxGateway) -> Callable[..., PointTransaction]:
    """console_cancel(txn, amount=None) → the transaction after staff cancelled `amount` won at the
    gateway's console (None: all that remains) and the webhook of that was delivered.

    AssertionError where the gateway refuses: not paid, or more than remains. A second call cancels
    more.
    """

    def make(txn: PointTransaction, amount: int | None = None) -> PointTransaction:
        waiting = billing_gateway.queued()
        billing_gateway.cancel(_payment_of(billing_gateway, txn), amount)
        billing_gateway.webhooks(but=waiting)
        return _again(txn)

    return make


@pytest.fixture
def webhooks(billing_gateway: SandboxGateway) -> Callable[..., list[HttpResponse]]:
    """webhooks(times=1, order="sent") → the answers of your webhook's view to all that wait, oldest
    first ("reversed": newest first); times=2 goes through them twice. A second call finds none.
    """

    def deliver(times: int = 1, order: str = "sent") -> list[HttpResponse]:
        return billing_gateway.webhooks(times, order)

    return deliver


@pytest.fixture
def fail_next(billing_gateway: SandboxGateway) -> Callable[..., None]:
    """fail_next("payments/cancel"): the next call whose path holds this gets no answer.

    trouble: the exception that `requests` raises (default: ReadTimeout). http: answer with this
    status instead. method: GET, POST … (default: any). done=True: the gateway does the work all the
    same, and then says nothing (or `http`). Called twice: two calls fail.
    """

    def plan(
        fragment: str,
        trouble: Exception | None = None,
        *,
        http: int | None = None,
        method: str = "",
        done: bool = False,
    ) -> None:
        if done:
            rule: dict[str, Any] = {"path": fragment, "times": 1}
            rule |= {"timeout": True} if http is None else {"effect": True, "http": http}
            billing_gateway.control("faults", **rule, **({"method": method} if method else {}))
        elif http is not None:
            billing_gateway.answer_next(fragment, status=http, method=method)
        else:
            billing_gateway.fail_next(fragment, trouble, method)

    return plan


@pytest.fixture
def expire_tokens(billing_gateway: SandboxGateway) -> Callable[[], None]:
    """expire_tokens(): the gateway refuses the access token that it gave out."""
    return billing_gateway.expire_tokens


@pytest.fixture
def clock() -> Iterator[Clock]:
    """clock.advance(days=8, hours=1, …) puts the time ahead, for the project and the gateway; its
    docstring says what follows and what does not. At the end time is as it was.
    """
    from billing.testing.clock import Clock

    made = Clock()
    with made.running():
        yield made


def _again(txn: PointTransaction) -> PointTransaction:
    return type(txn).objects.get(pk=txn.pk)


def _payment_of(gateway: SandboxGateway, txn: PointTransaction) -> str:
    """The imp_uid of its newest payment, which the row does not know before somebody told it."""
    return txn.imp_uid or gateway.payment_of(txn.merchant_uid)
