"""Every action of staff. One that is named here has its address, and its button on the page of its
row, in this order.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.http import HttpRequest

from billing_office.actions.adjust_points import AdjustPoints
from billing_office.actions.anonymize_member import AnonymizeMember
from billing_office.actions.ask_cancel_result import AskCancelResult
from billing_office.actions.ask_gateway import AskGateway
from billing_office.actions.cancel_payment import CancelPayment
from billing_office.actions.claim_payment import ClaimPayment
from billing_office.actions.close_account import CloseAccount
from billing_office.actions.decide_refund import DecideRefund
from billing_office.actions.find_payment import FindPayment
from billing_office.actions.not_ours import NotOurs
from billing_office.actions.replay_delivery import ReplayDelivery
from billing_office.actions.resolve_review import ResolveReview
from billing_office.actions.staff_action import Button, StaffAction

STAFF_ACTIONS: list[type[StaffAction]] = [
    AskGateway,
    CancelPayment,
    CloseAccount,
    ResolveReview,
    AskCancelResult,
    DecideRefund,
    AdjustPoints,
    AnonymizeMember,
    ReplayDelivery,
    ClaimPayment,
    FindPayment,
    NotOurs,
]


def actions_of(model: type[Model]) -> list[type[StaffAction]]:
    """The actions on this model's list and rows."""
    return [action for action in STAFF_ACTIONS if action.model is model]


def buttons(request: HttpRequest, model: type[Model], row: Any) -> list[Button]:
    """What this user may do with the row as it stands; everything is asked again before it is
    done.
    """
    return [
        button
        for action in actions_of(model)
        if request.user.has_perm(action.permission)
        for button in action.buttons(row)
    ]


def audit_texts() -> dict[str, Any]:
    """How the audit log reads, by code."""
    return {code: text for action in STAFF_ACTIONS for code, text in action.audit_texts.items()}
