"""What falls due by the gateway's clock: accepted cancels, scheduled payments. Webhooks are
webhook_delivery.py's.
"""

from billing_sandbox.engine import cancels, charges


def run_due_jobs() -> int:
    """Do all of it now. Returns how much it was."""
    return cancels.finish_due_cancels() + charges.run_due_schedules()
