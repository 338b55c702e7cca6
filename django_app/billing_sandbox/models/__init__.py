"""The gateway's tables. All times are unix seconds and 0 where nothing has happened yet, as in V1's
answers.
"""

from billing_sandbox.models.certifications import Certification
from billing_sandbox.models.gateway import ApiCall, Delivery, Fault, Gateway, Token
from billing_sandbox.models.payments import CancelLater, Cancellation, Payment, Prepared, Status
from billing_sandbox.models.receipts import CashReceipt
from billing_sandbox.models.subscriptions import Customer, Schedule

__all__ = [
    "ApiCall", "CancelLater", "Cancellation", "CashReceipt", "Certification", "Customer",
    "Delivery", "Fault", "Gateway", "Payment",
    "Prepared", "Schedule", "Status", "Token",
]  # fmt: skip
