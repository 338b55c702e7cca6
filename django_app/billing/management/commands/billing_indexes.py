"""`manage.py billing_indexes`: the indexes that billing's lists need on tables of other apps."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from billing.db import extra_indexes
from billing.db.routing import write_alias
from billing.models import Point


class Command(BaseCommand):
    """Make what is missing. On PostgreSQL they are built concurrently: the tables stay open. A
    second time: nothing is done.
    """

    help = "Make billing's indexes on the tables of users and of Django's admin log."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--database", default="", help="default: the one that money is in")
        parser.add_argument("--sql", action="store_true", help="only print what would be run")

    def handle(self, *args: Any, **options: Any) -> None:
        alias = options["database"] or write_alias(Point)
        for index in extra_indexes.missing_indexes(alias):
            if options["sql"]:
                for statement in extra_indexes.statements(alias, index):
                    self.stdout.write(f"{statement};")
                continue
            extra_indexes.create_index(alias, index)
            if options["verbosity"]:
                self.stdout.write(f"{index.name} on {index.table}: made.")
