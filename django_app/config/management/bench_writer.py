"""Writes the made-up rows of `bench_life`, past the managers and many at once."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.core.management.color import no_style
from django.db import connection, models

from billing.models import PointCancellation, PointEntry, PointTransaction, WebhookEvent

AT_ONCE = 20_000  # rows of one table in one COPY
TABLES = {
    PointTransaction: "transactions",
    PointEntry: "entries",
    PointCancellation: "cancels and returns",
    WebhookEvent: "deliveries",
}


class Writer:
    """Rows of each table, kept until there are enough of them for one go. Keys are given out in the
    order of adding.
    """

    def __init__(self) -> None:
        self._rows: dict[type[models.Model], list[tuple[Any, ...]]] = {
            model: [] for model in TABLES
        }
        self._empty = {
            model: {field.attname: field.get_default() for field in model._meta.concrete_fields}
            for model in TABLES
        }
        self.counts: Counter[type[models.Model]] = Counter()

    def add(self, model: type[models.Model], **values: Any) -> int:
        """Its key."""
        self.counts[model] += 1
        row = {**self._empty[model], "id": self.counts[model], **values}
        self._rows[model].append(tuple(row.values()))
        if len(self._rows[model]) >= AT_ONCE:
            self._flush(model)
        return self.counts[model]

    def end(self) -> None:
        """Write what is left; the tables' own numbering goes on behind it."""
        for model in TABLES:
            self._flush(model)
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), list(TABLES)):
                cursor.execute(statement)

    def _flush(self, model: type[models.Model]) -> None:
        rows, self._rows[model] = self._rows[model], []
        fields = model._meta.concrete_fields
        quote = connection.ops.quote_name
        into = (
            f"{quote(model._meta.db_table)} "
            f"({', '.join(quote(str(field.column)) for field in fields)})"
        )
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                with cursor.copy(f"COPY {into} FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
            else:
                marks = ", ".join(["%s"] * len(fields))
                ready = (
                    [
                        field.get_db_prep_save(cell, connection)
                        for field, cell in zip(fields, row, strict=True)
                    ]
                    for row in rows
                )
                cursor.executemany(f"INSERT INTO {into} VALUES ({marks})", ready)  # type: ignore[arg-type]  # noqa: S608  (names of our own tables)
