"""(a) What `startproject` makes, with a user model as small as Django allows, a frame of its own and
a plain admin: docs/install.md to the letter.
"""

import re

import pytest

from config.tests.hosts import guide
from config.tests.hosts.journey import Journey
from config.tests.hosts.project import HostProject, make_wheel

pytestmark = pytest.mark.thorough

PREFIX = "/pay/points/"
LOGIN, PASSWORD = "hong@example.com", "a-long-passphrase"
MEMBERS = (
    "from django.contrib.auth import get_user_model as u; "
    f"u().objects.create_user({LOGIN!r}, {PASSWORD!r}, nickname='길동'); "
    f"u().objects.create_superuser('staff@example.com', {PASSWORD!r})"
)


def ids(output):
    return sorted(set(re.findall(r"\((\w+\.[EW]\d+)\)", output)))


def test_the_lines_are_five():
    lines = guide.five_lines()
    assert [len(lines["settings.py"]), len(lines["urls.py"])] == [4, 1]
    assert lines["settings.py"][0] == 'INSTALLED_APPS += ["billing"]'
    assert [line.split(" = ")[0] for line in lines["settings.py"][1:]] == [
        "IAMPORT_CODE",
        "IAMPORT_KEY",
        "IAMPORT_SECRET",
    ]


def from_zero_to_a_charge(host):
    before = host.settings.read_text(), host.urls.read_text()

    # each line that is left out is a sentence of check, and no traceback
    host.write(host.settings, 'INSTALLED_APPS += ["billing"]')
    said = host.manage("check", fails=True)
    assert {"billing.E007", "billing.E018"} <= set(ids(said))
    assert "IAMPORT_KEY is not set: no payment can begin." in said
    host.settings.write_text(before[0])

    host.write(host.settings, guide.block("settings.py", "IAMPORT_CODE"))
    assert ids(host.manage("check", fails=True)) == ["billing.E018", "billing.W014", "billing.W015"]
    host.write(host.urls, guide.block("urls.py"))

    # five lines, and what one's own machine needs to play: a charge works
    host.write(host.settings, guide.block("settings.py", 'IAMPORT_MODE = "sandbox"'))
    assert ids(host.manage("check")) == ["billing.W014", "billing.W015"]
    host.manage("migrate", "-v0")
    host.manage("shell", "-c", MEMBERS)
    with host.running(PREFIX) as (here, gateway):
        member = Journey(here, PREFIX, gateway)
        assert "/accounts/login/?next=/pay/points/charge/" in member.session.get(
            f"{member.base}charge/"
        ).url
        member.log_in(LOGIN, PASSWORD)
        page = member.page("charge/")
        assert '<html lang="ko">' in page
        assert "포인트 충전" in page
        assert len(member.statics(page)) >= 5
        member.charge()
        member.charge(30_000, "vbank")
        assert member.deliver() == {200}
        assert "40,000" in member.page("payments/") + member.page("charge/")

    # the other documented lines: check has nothing left to say
    host.write(host.settings, guide.block("settings.py", "transaction_mode"))
    host.write(
        host.settings,
        guide.block("settings.py", "FileBasedCache").replace(
            "/var/cache/points", str(host.folder.parent / "cache")
        ),
    )
    assert "no issues" in host.manage("check")


def a_frame_of_its_own(host):
    """The same project, with its own base.html around our pages."""
    [frame] = [one.code for one in guide.blocks() if one.language == "django"]
    broken = frame.replace("  {% block billing_scripts %}{% endblock %}\n", "")
    path = host.folder / "templates" / "billing" / "base.html"
    host.write(path, broken)
    said = host.manage("check", fails=True)
    assert ids(said) == ["billing.E020"]
    assert "the button to pay would do nothing" in said
    path.write_text(frame)
    assert "no issues" in host.manage("check")


def shop_members_and_staff(host):
    host.write("members/buyer.py", guide.block("members/buyer.py"))
    host.write(host.settings, guide.block("settings.py", "BILLING_BUYER"))
    for name in ("orders", "apps", "thanks"):
        host.write(f"shop/{name}.py", guide.block(f"shop/{name}.py"))
    host.write(host.settings, 'INSTALLED_APPS += ["shop"]')
    host.write(host.urls, host.lines("shop_urls.txt"))
    host.manage("makemigrations", "shop")
    host.manage("migrate", "-v0")
    assert "no issues" in host.manage("check")
    with host.running(PREFIX) as (here, gateway):
        member = Journey(here, PREFIX, gateway)
        member.log_in(LOGIN, PASSWORD)
        page = member.page("charge/")
        assert 'id="shop-nav"' in page  # the project's frame
        assert "5,000~1,000,000원" in page  # and its limits
        assert member.statics(page)
        for path in ("payments/", "entries/", "terms/", "payments.csv", "entries.csv"):
            member.page(path)

        bought = member.post(f"{here}/shop/buy/", 200, price=4_000)
        assert (bought["balance"], bought["orders"]) == (36_000, 1)
        short = member.post(f"{here}/shop/buy/", 200, price=100_000)
        assert (short["balance"], short["orders"]) == (36_000, 1)
        assert short["words"] == "64000 points are missing"
        back = member.post(f"{here}/shop/take-back/", 200, order=bought["order"])
        assert (back["balance"], back["orders"]) == (40_000, 0)

        merchant_uid = member.charge(5_000)
        member.page(f"payments/{merchant_uid}/")
        cancelled = member.post(f"payments/{merchant_uid}/cancel/", 200, reason="changed my mind")
        assert cancelled["status"] == "cancelled"
        assert cancelled["balance"] == 40_000

        staff = Journey(here, PREFIX, gateway)
        staff.log_in("staff@example.com", PASSWORD, "/admin/login/?next=/admin/")
        index = staff.page(f"{here}/admin/")
        assert "unfold" not in index.lower()  # the project's admin is what it was
        assert 'href="/admin/members/member/"' in index
        models = re.findall(r'href="(/admin/billing/\w+/)"', index)
        assert len(set(models)) == 8
        for path in sorted(set(models)):
            page = staff.page(f"{here}{path}")
            assert f'href="{path}add/"' not in page
        staff.page(f"{here}/admin/billing/pointentry/add/", 403)
    host.manage("audit_points")
    host.manage("billing_indexes")
    host.manage("migrate", "--check")
    host.manage("makemigrations", "--check", "--dry-run")


def test_from_zero_to_everything(tmp_path):
    host = HostProject("plain", tmp_path, make_wheel(tmp_path / "dist"), "test")
    host.manage("makemigrations", "members")
    from_zero_to_a_charge(host)
    a_frame_of_its_own(host)
    shop_members_and_staff(host)
