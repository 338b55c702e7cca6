"""Statements of the road of money. What the ORM builds anew for every call, at several times the
price of running it, is put together once here, for each model and connection.

Names, types and conversions of columns come from the models, so that nothing is said twice. The
same statements run on PostgreSQL and on SQLite. Only what a charge needs is here; everything else
stays with the ORM. Model signals (pre_save, post_save) are not sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar, cast

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from billing.db.routing import write_alias

M = TypeVar("M", bound=models.Model)
Convert = Callable[[Any, Any, BaseDatabaseWrapper], Any]


class Table(Generic[M]):
    """One model's table on one connection, which belongs to one thread."""

    def __init__(self, model: type[M], connection: BaseDatabaseWrapper) -> None:
        self.model, self.connection = model, connection
        quote = connection.ops.quote_name
        self.fields: list[Any] = list(model._meta.concrete_fields)
        self.by_name = {field.attname: field for field in self.fields}
        self.name = quote(model._meta.db_table)
        self.columns = {field.attname: quote(field.column) for field in self.fields}
        self.attnames = [field.attname for field in self.fields]
        self._converters = {
            field.attname: (field.get_col(model._meta.db_table), found)
            for field in self.fields
            if (found := self._converters_of(field))
        }
        self._prepares = _prepared_cursor(connection)
        self._inserted = [field for field in self.fields if not field.db_returning]
        self._insert = (
            f"INSERT INTO {self.name} "  # noqa: S608  (names of our own columns)
            f"({', '.join(self.columns[field.attname] for field in self._inserted)}) "
            f"VALUES ({', '.join(['%s'] * len(self._inserted))})"
        )
        if len(self._inserted) < len(self.fields):
            self._insert += f" RETURNING {self.columns[model._meta.pk.attname]}"

    def _converters_of(self, field: Any) -> Sequence[Convert]:
        column = field.get_col(self.model._meta.db_table)
        return cast(
            "Sequence[Convert]",
            [
                *self.connection.ops.get_db_converters(column),
                *column.get_db_converters(self.connection),
            ],
        )

    # -- writing --

    def insert(self, row: M) -> None:
        """As `row.save(force_insert=True)`: the key that the database gave is set."""
        values = [
            field.get_db_prep_save(field.pre_save(row, True), connection=self.connection)
            for field in self._inserted
        ]
        with self.cursor() as cursor:
            cursor.execute(self._insert, values)
            if len(self._inserted) < len(self.fields):
                row.pk = cursor.fetchone()[0]
        row._state.adding, row._state.db = False, self.connection.alias

    def update(self, values: Mapping[str, Any], where: Mapping[str, Any]) -> int:
        """Set columns of the rows whose columns equal `where`; how many they were. Both by attname,
        such as owner_id.
        """
        assignments = ", ".join(f"{self.columns[name]} = %s" for name in values)
        conditions = " AND ".join(f"{self.columns[name]} = %s" for name in where)
        return self.execute(
            f"UPDATE {self.name} SET {assignments} WHERE {conditions}",  # noqa: S608
            [*self.db_values(values), *self.db_values(where)],
        )

    def cursor(self) -> Any:
        """A cursor whose statements PostgreSQL keeps prepared. Not behind a pooler, where the next
        transaction may meet another server process: DISABLE_SERVER_SIDE_CURSORS says so.
        """
        if self._prepares is None:
            return self.connection.cursor()
        self.connection.ensure_connection()
        made = self._prepares(self.connection.connection)
        return self.connection._prepare_cursor(made)  # type: ignore[attr-defined]  # as cursor()

    def execute(self, sql: str, values: Sequence[Any]) -> int:
        """Run one statement; how many rows it touched."""
        with self.cursor() as cursor:
            cursor.execute(sql, values)
            touched: int = cursor.rowcount
            return touched

    def db_values(self, values: Mapping[str, Any]) -> list[Any]:
        """These values as this database takes them."""
        return [
            self.by_name[name].get_db_prep_save(value, connection=self.connection)
            for name, value in values.items()
        ]

    # -- reading --

    def selected(self, prefix: str) -> str:
        """All columns, as `row` wants them."""
        return ", ".join(f"{prefix}.{self.columns[name]}" for name in self.attnames)

    def row(self, values: Sequence[Any], names: Sequence[str] = ()) -> M:
        """The object of one row of these columns; without names, of `selected`."""
        if names:  # Django wants them in the order of the model
            by_name = dict(zip(names, values, strict=True))
            names = [name for name in self.attnames if name in by_name]
            values = [by_name[name] for name in names]
        else:
            names = self.attnames
        if self._converters:
            pairs = zip(names, values, strict=True)
            values = [self._converted(name, value) for name, value in pairs]
        return self.model.from_db(self.connection.alias, names, values)

    def _converted(self, name: str, value: Any) -> Any:
        column, converters = self._converters.get(name, (None, ()))
        for convert in converters:
            value = convert(value, column, self.connection)
        return value


def _prepared_cursor(connection: BaseDatabaseWrapper) -> Any:
    """The class of cursors that prepare; None where nothing is prepared: on SQLite, which does so
    by itself, with psycopg 2, behind a pooler.
    """
    pooled = connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")
    return None if connection.vendor != "postgresql" or pooled else _preparing_cursor()


class _Sent(NamedTuple):
    query: bytes
    params: None = None


@cache
def _preparing_cursor() -> Any:
    try:
        import psycopg  # where PostgreSQL is not used, it need not be there
    except ImportError:
        return None

    class PreparingCursor(psycopg.Cursor[Any]):
        """Every statement is prepared when it comes first, and found again by its text. Django
        forbids it for the connection; that stands for all other cursors.
        """

        def execute(self, query: Any, params: Any = None, **how: Any) -> Any:
            forbidden, self.connection.prepare_threshold = self.connection.prepare_threshold, 0
            try:
                return super().execute(query, params, prepare=True, **how)
            finally:
                self.connection.prepare_threshold = forbidden
                if self._query is None:  # Django's log of statements reads it
                    self._query = _Sent(str(query).encode())  # type: ignore[assignment]

    return PreparingCursor


def table(model: type[M]) -> Table[M]:
    """The model's table where it is written, on this thread's connection."""
    connection = connections[write_alias(model)]
    tables: dict[Any, Any] = connection.__dict__.setdefault("billing_tables", {})
    made = tables.get(model)
    if made is None:
        made = tables[model] = Table(model, connection)
    return cast("Table[M]", made)
