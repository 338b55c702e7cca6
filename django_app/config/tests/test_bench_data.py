"""Made-up rows keep every rule of the real ones, and go into no database that matters."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.utils import timezone

from billing.db import environment_stamp, triggers
from billing.models import (
    DailyFigures,
    Installation,
    Point,
    PointCancellation,
    PointEntry,
    PointTransaction,
    WebhookEvent,
)
from billing.reports.closed_days import DAY_CLOSE_DELAY
from billing.reports.integrity_checks import check_integrity

pytestmark = [pytest.mark.money, pytest.mark.django_db(transaction=True)]


def make(**options):
    call_command("make_bench_data", **{"rows": 800, "days": 90, **options})


def test_every_rule_holds(capsys):
    make()
    assert {finding.check: finding.named for finding in check_integrity() if finding.count} == {}
    assert PointTransaction.objects.count() == 800
    assert set(PointTransaction.objects.values_list("status", flat=True)) == {
        "ready",
        "paid",
        "failed",
        "cancelled",
    }
    assert {"charge", "cancel", "spend", "give_back"} <= set(
        PointEntry.objects.values_list("kind", flat=True)
    )
    assert PointCancellation.objects.filter(kind="cancel", state="done").exists()
    assert PointCancellation.objects.filter(kind="cancel", state="unknown").exists()
    assert PointTransaction.objects.exclude(review="").exists()
    assert set(WebhookEvent.objects.values_list("outcome", flat=True)) == {"done", "pending"}
    assert not Point.objects.filter(balance__lt=0).exists()
    assert Point.objects.filter(point__gt=0).exists()
    # from the day of the first row, which late in the evening may be the day after, to yesterday
    first = PointTransaction.objects.order_by("created_at").values_list("created_at", flat=True)[0]
    days = (timezone.localdate(timezone.now() - DAY_CLOSE_DELAY) - timezone.localdate(first)).days
    assert days in (89, 90)
    assert DailyFigures.objects.filter(pay_method="").count() == days
    assert "800 transactions" in capsys.readouterr().out


def test_entries_are_numbered_in_the_order_of_their_time(capsys):
    make()
    moments = list(PointEntry.objects.order_by("id").values_list("created_at", flat=True))
    assert moments == sorted(moments)


def test_the_tables_go_on_behind_it(make_txn, capsys):
    make(rows=50)
    assert make_txn().pk > 50
    assert Point.objects.adjust(
        user=Point.objects.first().user,
        delta=1,
        idempotency_key="k",
        reason="r",
        by=Point.objects.first().user,
    )


def test_the_same_seed_makes_the_same_rows(capsys):
    make(rows=100)
    first = list(
        PointTransaction.objects.order_by("id").values_list(
            "id", "amount", "pay_method", "merchant_uid"
        )
    )
    with triggers.without_triggers("default"):
        call_command("flush", interactive=False, verbosity=0)
    make(rows=100)
    again = list(
        PointTransaction.objects.order_by("id").values_list(
            "id", "amount", "pay_method", "merchant_uid"
        )
    )
    assert [row[1:3] for row in again] == [row[1:3] for row in first]


def test_where_it_refuses(settings, make_txn):
    environment_stamp._verified.clear()
    Installation.objects.update(mode="live")
    with pytest.raises(CommandError, match="made for live mode and IAMPORT_MODE is sandbox"):
        make()
    settings.IAMPORT_MODE = "live"
    with pytest.raises(CommandError, match="not a database of sandbox mode"):
        make()
    Installation.objects.update(mode="sandbox")
    environment_stamp._verified.clear()
    with pytest.raises(CommandError, match="made for sandbox mode and IAMPORT_MODE is live"):
        make()
    settings.IAMPORT_MODE = "sandbox"
    Installation.objects.all().delete()
    with pytest.raises(CommandError, match="not a database of sandbox mode"):
        make()
    Installation.objects.create(pk=1, mode="sandbox")
    make_txn()
    with pytest.raises(CommandError, match="Point holds rows already"):
        make()
    with pytest.raises(CommandError, match="--rows is between"):
        make(rows=0)
    assert PointTransaction.objects.count() == 1


def test_nothing_is_left_of_a_life_that_broke(monkeypatch):
    monkeypatch.setattr(
        "config.management.bench_data.ReconcileRun.objects.create", lambda **values: 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        make(rows=30)
    assert not PointTransaction.objects.exists()
    assert not Point.objects.annotate(one=F("balance")).exists()
