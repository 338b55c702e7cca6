"""dev only: screenshots"""

import os, pytest, json
from datetime import timedelta
from pathlib import Path
from django.contrib.auth.models import Group
from billing.models import *
from billing.tests.browser import chromium, PASSWORD
from billing.testing import SandboxGateway
import requests

OUT = Path(os.environ.get("SHOOT_OUT", "/tmp/desk_shots"))
OUT.mkdir(exist_ok=True)
ONLY = os.environ.get("SHOOT_ONLY", "").split(",") if os.environ.get("SHOOT_ONLY") else None
rows = PointTransaction.objects


@pytest.mark.django_db(transaction=True, databases=["default", "sandbox"])
def test_shoot(live_server, settings, make_user, django_user_model):
    settings.IAMPORT_API_URL = f"{live_server.url}/sandbox/api/"
    site = live_server.url

    def control(path, **b):
        r = requests.post(f"{site}/sandbox/control/{path}", json=b, timeout=10)
        r.raise_for_status()
        return r.json()

    boss = django_user_model.objects.create_superuser("boss", password=PASSWORD, email="boss@example.com")
    for g in ("support", "finance"):
        u = make_user(g, password=PASSWORD)
        u.is_staff = True
        u.save()
        u.groups.add(Group.objects.get(name=f"billing: {g}"))
    payers = [
        make_user("minji", email="minji.kim@example.com", first_name="민지", last_name="김"),
        make_user("jihoon@example.com", email="jihoon@example.com"),
        make_user("seoyeon"),
    ]
    txns = []
    for i in range(14):
        p = payers[i % 3]
        amt = [5000, 10000, 30000, 100000][i % 4]
        m = ["card", "trans", "vbank", "card", "phone"][i % 5]
        t = rows.start(user=p, amount=amt, pay_method=m)
        if i % 7 == 6:
            imp = control("pay", merchant_uid=t.merchant_uid, outcome="failed", pay_method=m)["imp_uid"]
        elif m == "vbank":
            imp = control("pay", merchant_uid=t.merchant_uid, outcome="vbank", pay_method=m)["imp_uid"]
        elif i % 9 == 8:
            txns.append(t)
            continue
        else:
            imp = control("pay", merchant_uid=t.merchant_uid, outcome="paid", pay_method=m, webhook=True)["imp_uid"]
        rows.sync(imp)
        txns.append(rows.get(pk=t.pk))
    for q in txns[:4]:
        requests.post(
            f"{site}/billing/webhook/", json={"imp_uid": q.imp_uid, "merchant_uid": q.merchant_uid, "status": q.status}, timeout=10
        )
    requests.post(f"{site}/billing/webhook/", json={"imp_uid": "imp_123", "merchant_uid": "other-shop-1", "status": "paid"}, timeout=10)
    t = txns[0]
    t = rows.select_related("owner").get(pk=t.pk)
    rows.cancel(t, reason="고객 변심", by=boss, amount=2000)
    control(f"payments/{txns[3].imp_uid}/cancel", amount=30000)  # a difference
    # wrong money
    w = rows.start(user=payers[0], amount=10000, pay_method="card")
    control("pay", merchant_uid=w.merchant_uid, outcome="paid", pay_method="card", amount=9000)
    for p in rows.sync_order(w.merchant_uid):
        pass
    # unknown
    u = rows.start(user=payers[1], amount=50000, pay_method="card")
    rows.sync(control("pay", merchant_uid=u.merchant_uid, outcome="paid", pay_method="card")["imp_uid"])
    from unittest import mock

    Point.objects.adjust(user=payers[2], delta=500, key="k1", reason="이벤트 보상", by=boss)
    unpaid = rows.filter(status="ready").exclude(vbank_num="").first()
    pages = {
        "txns": "/admin/billing/pointtransaction/",
        "txns30": "/admin/billing/pointtransaction/?since=2026-11-01&until=2026-11-30&status=paid",
        "entries": "/admin/billing/pointentry/",
        "cancels": "/admin/billing/pointcancellation/",
        "deliveries": "/admin/billing/webhookevent/",
        "points": "/admin/billing/point/",
        "case": f"/admin/billing/pointtransaction/{t.pk}/change/",
        "casediff": f"/admin/billing/pointtransaction/{txns[3].pk}/change/?ask=1",
        "casewrong": f"/admin/billing/pointtransaction/{w.pk}/change/?ask=1",
        "casevbank": f"/admin/billing/pointtransaction/{unpaid.pk}/change/",
        "cancel": f"/admin/billing/pointtransaction/{u.pk}/cancel/",
        "member": f"/admin/billing/point/{payers[0].pk}/change/",
        "adjust": f"/admin/billing/point/{payers[0].pk}/adjust/",
        "leave": f"/admin/billing/point/{payers[2].pk}/leave/",
        "delivery": f"/admin/billing/webhookevent/{WebhookEvent.objects.first().pk}/change/",
        "users": "/admin/auth/user/",
        "user": f"/admin/auth/user/{payers[0].pk}/change/",
        "nothing": "/admin/billing/pointtransaction/?q=imp_123456789012",
        "index": "/admin/",
        "resolve": f"/admin/billing/pointtransaction/{w.pk}/resolve/",
    }
    with chromium() as b:
        for name, size, lang, scheme in [
            ("desk-ko-light", (1280, 900), "ko", "light"),
            ("desk-en-dark", (1280, 900), "en", "dark"),
            ("phone-ko-light", (390, 844), "ko", "light"),
            ("phone-en-dark", (390, 844), "en", "dark"),
        ]:
            if os.environ.get("SHOOT_VIEW") and os.environ["SHOOT_VIEW"] not in name:
                continue
            c = b.new_context(viewport={"width": size[0], "height": size[1]}, locale=lang, color_scheme=scheme)
            page = c.new_page()
            errs = []
            page.on("console", lambda m: errs.append(m.text) if m.type == "error" else None)
            page.on("pageerror", lambda e: errs.append(str(e)))
            page.goto(site + "/admin/")
            page.screenshot(path=OUT / f"login.{name}.png")
            page.fill("[name=username]", "boss")
            page.fill("[name=password]", PASSWORD)
            page.press("[name=password]", "Enter")
            page.wait_for_url("**/admin/")
            for k, u2 in pages.items():
                if ONLY and k not in ONLY:
                    continue
                page.goto(site + u2)
                page.wait_for_timeout(120)
                page.screenshot(path=OUT / f"{k}.{name}.png", full_page=True)
                w = page.evaluate("document.documentElement.scrollWidth")
                if w > size[0]:
                    print("WIDE", k, name, w)
            print(name, errs)
            c.close()
