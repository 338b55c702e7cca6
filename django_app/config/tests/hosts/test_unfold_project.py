"""(c) A project that has Unfold already, on an AdminSite instance of its own, beside Django's."""

import re

import pytest

from config.tests.hosts import guide, steps
from config.tests.hosts.journey import Journey
from config.tests.hosts.project import HostProject

PREFIX = "/pay/points/"
MEMBERS = (
    "from django.contrib.auth.models import User as u; "
    f"u.objects.create_user('hong', password={steps.PASSWORD!r}); "
    f"u.objects.create_superuser('staff', password={steps.PASSWORD!r})"
)

pytestmark = pytest.mark.thorough


def test_the_back_office_on_a_site_of_its_own(tmp_path):
    host = HostProject("unfold", tmp_path, "office,test")
    host.write(host.settings, guide.block("settings.py", "IAMPORT_CODE"))
    host.write(host.urls, guide.block("urls.py"))
    host.write(host.settings, guide.block("settings.py", "transaction_mode"))
    host.write(
        host.settings,
        guide.block("settings.py", "FileBasedCache").replace(
            "/var/cache/points", str(tmp_path / "cache")
        ),
    )
    host.write(host.settings, guide.block("settings.py", 'IAMPORT_MODE = "sandbox"'))
    host.write(host.settings, guide.block("settings.py", "billing_office"))
    host.write(host.settings, 'BILLING_ADMIN_SITE = "staff.site.site"')
    steps.add_shop(host)
    assert "no issues" in host.manage("check")
    host.manage("shell", "-c", MEMBERS)
    with host.running(PREFIX) as (here, gateway):
        member = Journey(here, PREFIX, gateway)
        member.log_in("hong", steps.PASSWORD)
        steps.charge_spend_and_cancel(member)
        staff = Journey(here, PREFIX, gateway)
        staff.log_in("staff", steps.PASSWORD, "/staff/login/?next=/staff/")
        the_whole_office(staff)
    steps.money_adds_up(host)


def the_whole_office(staff):
    """All lists and every page that they lead to; the project's own pages as they were."""
    index = staff.page(f"{staff.here}/staff/")
    assert 'href="/staff/auth/user/"' in index
    users = staff.page(f"{staff.here}/staff/auth/user/")
    assert "hong" in users  # the project's list, not ours, which masks names
    lists = sorted(set(re.findall(r'href="(/staff/billing/\w+/)"', index)))
    assert len(lists) == 8
    seen = set()
    for path in lists:
        page = staff.page(f"{staff.here}{path}")
        assert "/admin/" not in page  # links stay on this site
        seen |= set(re.findall(rf'href="({path}[\w-]+/(?:change/)?)"', page))
    assert len(seen) >= 6
    for path in sorted(seen):
        page = staff.page(f"{staff.here}{path}")
        assert not re.findall(r'href="/admin/', page), path
    staff.page(f"{staff.here}/staff/billing/dailyfigures/overview/")
