"""A project that shows a table of billing in its own way, wherever it stands in INSTALLED_APPS: ours
is registered behind what it registers, and never refused for it.
"""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = """
import sys, types
from django.conf import settings

shop = types.ModuleType("shop")
shop.__path__ = [sys.argv[1]]
shop.__file__ = sys.argv[1] + "/__init__.py"
sys.modules["shop"] = shop
settings.configure(
    INSTALLED_APPS=sys.argv[2].split(), USE_TZ=True, SECRET_KEY="x", ROOT_URLCONF="shop.urls",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", BILLING_ADMIN_SITE=sys.argv[3],
)
import django
django.setup()
from billing.admin_site import admin_site
from billing.models import Point
site = admin_site()
ours = [model for model in site._registry if model._meta.app_label == "billing"]
print(site.get_model_admin(Point).__module__, len(ours))
"""
OWN = """
from django.contrib import admin
from billing.models import Point

@admin.register(Point)
class OwnPoints(admin.ModelAdmin):
    pass
"""
OWN_SITE = """
from django.contrib import admin
from billing.admin import PointAdmin
from billing.models import Point

class OwnPoints(PointAdmin):
    pass

site = admin.AdminSite(name="shop")
site.register(Point, OwnPoints)
"""
DJANGO = "django.contrib.auth django.contrib.contenttypes django.contrib.sessions"
ADMIN = f"{DJANGO} django.contrib.messages django.contrib.admin"


@pytest.mark.parametrize(
    ("apps", "own", "site"),
    [
        (f"{ADMIN} billing shop", OWN, "django.contrib.admin.site"),
        (f"{ADMIN} shop billing", OWN, "django.contrib.admin.site"),
        (f"billing {ADMIN} shop", OWN, "django.contrib.admin.site"),
        (f"unfold {ADMIN} billing billing_office shop", OWN, "django.contrib.admin.site"),
        (f"billing_office billing unfold {ADMIN} shop", OWN, "django.contrib.admin.site"),
        (f"shop {ADMIN} billing", OWN_SITE, "shop.admin.site"),
    ],
)
def test_what_the_project_registers_stays(tmp_path, apps, own, site):
    (tmp_path / "admin.py").write_text(own)
    done = subprocess.run(
        [sys.executable, "-c", PROJECT, str(tmp_path), apps, site],
        cwd=Path(__file__).resolve().parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "shop.admin 8", done.stderr[-2000:]
