"""Which database decides about money: the one that is written to, also where a project's routers
send reads elsewhere.

A replica may be behind. A transaction that is opened there protects nothing, and a look-up there
may not see what was just written: a spend would be taken twice. So every transaction, and every
read that something is decided by, names the alias of writing.
"""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import models, router

M = TypeVar("M", bound=models.Model)


def write_alias(model: type[models.Model]) -> str:
    """The alias that rows of this model are written to. Asked of the routers each time: they may
    look at the request.
    """
    alias: str = router.db_for_write(model)
    return alias


def primary(model: type[M]) -> models.Manager[M]:
    """The model's manager on the database that is written to, for reads that something is decided
    by.
    """
    manager: models.Manager[M] = model._default_manager.db_manager(write_alias(model))
    return manager


class PrimaryManager(models.Manager[M]):
    """A manager whose `self.db`, the alias of its transactions, is that of writing; an alias that
    was chosen (`db_manager`) counts first.

    Its querysets are as ever: a page that reads through it may be sent to a replica.
    `self.using(self.db)` reads what decides.
    """

    @property
    def db(self) -> str:
        hints: dict[str, Any] = self._hints  # type: ignore[attr-defined]
        chosen: str = self._db or router.db_for_write(self.model, **hints)
        return chosen


class WholeTableManager(PrimaryManager[M]):
    """A manager whose verbs act on the whole table, wherever the row that they are about lies."""

    def require_whole_table(self) -> None:
        """TypeError where a verb is called on a related manager (`point.transactions.sync`) or one
        of another database: it would look as if it were held to those rows, and is not.
        """
        related = hasattr(self, "core_filters")
        chosen = self._db
        if related or (chosen is not None and chosen != router.db_for_write(self.model)):
            name = self.model.__name__
            raise TypeError(f"this acts on the whole table: call it on {name}.objects")
