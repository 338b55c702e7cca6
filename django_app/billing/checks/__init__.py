"""Mistakes of a project that billing stands in, found by `manage.py check`: each with a stable id
and a hint. They do not run under a server.
"""

from billing.checks.admin_site import admin_site_can_be_found
from billing.checks.database import database_of_money, database_routers, isolation
from billing.checks.deployment import deployment
from billing.checks.frame import frame
from billing.checks.product import product_settings, setting_types
from billing.checks.project import project

__all__ = [
    "admin_site_can_be_found",
    "database_of_money",
    "database_routers",
    "deployment",
    "frame",
    "isolation",
    "product_settings",
    "project",
    "setting_types",
]
