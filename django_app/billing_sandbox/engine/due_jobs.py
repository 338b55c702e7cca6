"""What falls due by the gateway's clock: accepted cancels, scheduled payments. Webhooks are
webhook_delivery.py's.
"""

from billing_sandbox.engine import cancels, charges


def do_due() -> int:
    """Do all of it now. Returns how much it was."""
    return cancels.finish_due() + charges.run_due()
