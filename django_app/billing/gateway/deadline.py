"""How long the gateway may be asked."""

from __future__ import annotations

import time

from billing.errors import GatewayUnreachable

READ_SECONDS = 60  # where no deadline is given: cancels may take that long


class Deadline:
    """Seconds that one web request may spend on the gateway in all, token included."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left; GatewayUnreachable once there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise GatewayUnreachable("the time for asking the gateway is over")
        return left
