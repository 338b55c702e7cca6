"""Which class shows which table, and on which site."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.db.models import Model

from billing.models import (
    DailyFigures,
    Point,
    PointCancellation,
    PointEntry,
    PointTransaction,
    ReconcileRun,
    UnmatchedPayment,
    WebhookEvent,
)
from billing_office.base import MoneyAdmin
from billing_office.lists.cancellations import PointCancellationAdmin
from billing_office.lists.deliveries import WebhookEventAdmin
from billing_office.lists.ledger import PointEntryAdmin
from billing_office.lists.points import PointAdmin
from billing_office.lists.reconcile_runs import ReconcileRunAdmin
from billing_office.lists.transactions import PointTransactionAdmin
from billing_office.lists.unmatched_payments import UnmatchedPaymentAdmin
from billing_office.pages.month_close import DailyFiguresAdmin

PAGES: dict[type[Model], type[MoneyAdmin]] = {
    Point: PointAdmin,
    PointTransaction: PointTransactionAdmin,
    PointEntry: PointEntryAdmin,
    PointCancellation: PointCancellationAdmin,
    WebhookEvent: WebhookEventAdmin,
    UnmatchedPayment: UnmatchedPaymentAdmin,
    ReconcileRun: ReconcileRunAdmin,
    DailyFigures: DailyFiguresAdmin,
}


def register(site: AdminSite) -> None:
    """Show the back office there. What the project has registered itself stays; a second time:
    nothing changes.
    """
    for model, pages in PAGES.items():
        if not site.is_registered(model):
            site.register(model, pages)


def missing(site: AdminSite) -> list[str]:
    """Names of the tables whose pages are not ours there, nor a project's class made of ours."""
    return [
        model.__name__
        for model, pages in PAGES.items()
        if not site.is_registered(model) or not isinstance(site.get_model_admin(model), pages)
    ]
