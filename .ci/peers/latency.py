"""How often the gateway is asked to verify one payment, and how long that takes where each answer
comes after 50 ms: our client, the vendor's own, and the whole way to credited points.

python -m peers.latency URL NUMBER: the process of our site; it prints what it found as JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peers import environment, gateway_server, postgres
from peers.sites import migrate, run, surroundings

MILLISECONDS = 50
WAYS = {
    "vendor": "the vendor's client, `Iamport.find`",
    "client": "our client, token warm",
    "sync": "`sync`: asked, compared, credited",
}


def measure(number: int) -> tuple[list[str], bool]:
    """(lines of Markdown, whether we ask more than once)."""
    with tempfile.TemporaryDirectory(prefix="peers-") as name, postgres.server() as server:
        around = surroundings("ours", server.create("ours"), Path(name))
        migrate(around)
        with gateway_server.running(around, MILLISECONDS) as gateway:
            around["PEERS_GATEWAY"] = gateway.url
            output = run(around, "peers.latency", gateway.url, str(number))
        heading = (
            f"{environment.versions()}, PostgreSQL {server.version}; the median of {number} "
            f"verifications, each answer after {MILLISECONDS} ms"
        )
    found = json.loads(output.splitlines()[-1])
    lines = ["| verification | calls | new connections | ms |", "|---|---:|---:|---:|"]
    for way, words in WAYS.items():
        calls, connections, seconds = found[way]
        lines.append(
            f"| {words} | {calls / number:.2f} | {connections / number:.2f} "
            f"| {seconds * 1_000:.1f} |"
        )
    wrong = found["client"][0] != number or found["sync"][0] != number
    return [heading, "", *lines], wrong


def main() -> None:
    """Verify payments in each way, in turn."""
    import django

    django.setup()
    from iamport import Iamport

    from billing.gateway.api import gateway as our_client
    from billing.models import PointTransaction
    from peers.ours.members import members

    gateway, number = gateway_server.GatewayProcess(sys.argv[1]), int(sys.argv[2])
    owners = members(1)
    rows = PointTransaction.objects.bulk_create(
        PointTransaction(
            owner_id=owners[0].pk, merchant_uid=f"20261126{each:026}", amount=10_000,
            pay_method="card",
        )
        for each in range(number + 1)
    )  # fmt: skip
    uids = [f"imp_{each:012}" for each in range(number + 1)]
    gateway.tell([(uid, row.merchant_uid, 10_000) for uid, row in zip(uids, rows, strict=True)])
    vendor = Iamport("key", "secret", gateway.url)
    ways: dict[str, Callable[[str], Any]] = {
        "vendor": lambda uid: vendor.find(imp_uid=uid),
        "client": our_client().payment,
        "sync": PointTransaction.objects.sync,
    }
    found: dict[str, list[float]] = {}
    for way, verify in ways.items():
        verify(uids[0])  # connections and token are there from now on
        gateway.counts()
        taken = []
        for uid in uids[1:]:
            since = time.perf_counter()
            verify(uid)
            taken.append(time.perf_counter() - since)
        counts = gateway.counts()
        found[way] = [counts["calls"], counts["connections"], statistics.median(taken)]
    credited = PointTransaction.objects.filter(status="paid").count()
    if credited != number + 1:
        raise SystemExit(f"{credited} payments were credited")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
