"""How many ids one call may ask for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from billing.conf import conf

BATCH = 100  # ids in one call of GET payments (specification)
# Of path and query of one call: what stands in between (proxies, servers) may refuse more than
# 4 KB, or than 2.
MAX_URL_BYTES = 2_000


def url_batches(ids: Sequence[str], name: str) -> Iterator[list[str]]:
    """`ids` in the slices that one call of `payments_by_ids` takes: at most BATCH, and no address
    of more than MAX_URL_BYTES. name: imp_uid or merchant_uid. Ids are ASCII that an address takes
    as it is; its [] is sent as %5B%5D.
    """
    most = MAX_URL_BYTES - len(urlsplit(conf.IAMPORT_API_URL).path) - len("payments?")
    batch: list[str] = []
    size = 0
    for uid in ids:
        length = len(f"{name}%5B%5D={uid}&")
        if batch and (len(batch) == BATCH or size + length > most):
            yield batch
            batch, size = [], 0
        batch.append(uid)
        size += length
    if batch:
        yield batch
