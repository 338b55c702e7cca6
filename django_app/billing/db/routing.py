"""Which database decides about money: the one that is written to, also where a project's routers
send reads elsewhere.

A replica may be behind. A transaction that is opened there protects nothing, and a look-up there
may not see what was just written: a spend would be taken twice. So every transaction, and every
read that something is decided by, names the alias of writing.
"""

from __future__ import annotations

from typing import TypeVar

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
