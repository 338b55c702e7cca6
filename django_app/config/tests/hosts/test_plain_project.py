"""(a) What `startproject` makes, with a user model as small as Django allows, a frame of its own and
a plain admin: docs/install.md to the letter, from zero.
"""

import pytest

from config.tests.hosts import guide, steps
from config.tests.hosts.journey import Journey
from config.tests.hosts.project import HostProject

PREFIX = "/pay/points/"
LOGIN = "hong@example.com"
MEMBERS = (
    "from django.contrib.auth import get_user_model as u; "
    f"u().objects.create_user({LOGIN!r}, {steps.PASSWORD!r}, nickname='길동'); "
    f"u().objects.create_superuser('staff@example.com', {steps.PASSWORD!r})"
)


def test_the_lines_are_five():
    lines = guide.five_lines()
    assert [len(lines["settings.py"]), len(lines["urls.py"])] == [4, 1]
    assert lines["settings.py"][0] == 'INSTALLED_APPS += ["billing"]'
    assert [line.split(" = ")[0] for line in lines["settings.py"][1:]] == [
        "IAMPORT_CODE",
        "IAMPORT_KEY",
        "IAMPORT_SECRET",
    ]


@pytest.mark.thorough
def test_from_zero_to_everything(tmp_path):
    host = HostProject("plain", tmp_path, "test")
    host.manage("makemigrations", "members")
    lines_left_out(host)
    five_lines_are_enough_for_a_charge(host)
    all_lines(host)
    a_frame_of_its_own(host)
    shop_members_and_staff(host)


def lines_left_out(host):
    """Each is a sentence of check, and no traceback."""
    before = host.settings.read_text()
    host.write(host.settings, 'INSTALLED_APPS += ["billing"]')
    said = host.manage("check", fails=True)
    assert {"billing.E007", "billing.E018"} <= set(steps.ids(said))
    assert "IAMPORT_KEY is not set: no payment can begin." in said
    host.settings.write_text(before)
    host.write(host.settings, guide.block("settings.py", "IAMPORT_CODE"))
    assert steps.ids(host.manage("check", fails=True)) == [
        "billing.E018",
        "billing.W014",
        "billing.W015",
    ]


def five_lines_are_enough_for_a_charge(host):
    host.write(host.urls, guide.block("urls.py"))
    host.write(host.settings, guide.block("settings.py", 'IAMPORT_MODE = "sandbox"'))
    assert steps.ids(host.manage("check")) == ["billing.W014", "billing.W015"]
    host.manage("migrate", "-v0")
    host.manage("shell", "-c", MEMBERS)
    with host.running(PREFIX) as (here, gateway):
        member = Journey(here, PREFIX, gateway)
        to_login = member.session.get(f"{member.base}charge/").url
        assert to_login.endswith("/accounts/login/?next=/pay/points/charge/")
        member.log_in(LOGIN, steps.PASSWORD)
        page = member.page("charge/")
        assert '<html lang="ko">' in page
        assert "포인트 충전" in page
        member.post(f"payments/{member.charge(5_000)}/cancel/", 200, reason="only a try")
        steps.every_page(member)


def all_lines(host):
    """What the guide asks for before going live: check has nothing left to say."""
    host.write(host.settings, guide.block("settings.py", "transaction_mode"))
    cache = str(host.folder.parent / "cache")
    block = guide.block("settings.py", "FileBasedCache")
    host.write(host.settings, block.replace("/var/cache/points", cache))
    assert "no issues" in host.manage("check")


def a_frame_of_its_own(host):
    """Our pages in the project's own base.html; a block that is missing is said."""
    [frame] = [one.code for one in guide.blocks() if one.language == "django"]
    path = host.folder / "templates" / "billing" / "base.html"
    host.write(path, frame.replace("  {% block billing_scripts %}{% endblock %}\n", ""))
    said = host.manage("check", fails=True)
    assert steps.ids(said) == ["billing.E020"]
    assert "the button to pay would do nothing" in said
    path.write_text(frame)
    assert "no issues" in host.manage("check")


def shop_members_and_staff(host):
    host.write("members/buyer.py", guide.block("members/buyer.py"))
    host.write(host.settings, guide.block("settings.py", "BILLING_BUYER"))
    host.write("members/leaving.py", guide.block("members/leaving.py"))
    host.write(host.settings, guide.block("settings.py", "BILLING_ANONYMIZE_USER"))
    steps.add_shop(host)
    assert "no issues" in host.manage("check")
    with host.running(PREFIX) as (here, gateway):
        member = Journey(here, PREFIX, gateway)
        member.log_in(LOGIN, steps.PASSWORD)
        page = member.page("charge/")
        assert 'id="shop-nav"' in page  # the project's frame
        assert "5,000~1,000,000원" in page  # and its limits
        steps.charge_spend_and_cancel(member)
        staff = Journey(here, PREFIX, gateway)
        staff.log_in("staff@example.com", steps.PASSWORD, "/admin/login/?next=/admin/")
        assert "길동" in staff.page(f"{here}/admin/members/member/")
        steps.plain_lists(staff, "/admin/")
    steps.money_adds_up(host)
