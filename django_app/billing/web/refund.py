"""The member's own cancel."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from billing.db.routing import primary
from billing.errors import CannotCancel
from billing.models import PointCancellation, PointTransaction
from billing.note_codes import ErrorCode
from billing.support.rate_limit import allow
from billing.web.json_api import error, json_endpoint, payment_json
from billing.web.refund_eligibility import SelfCancelForm, refund_offer

CANCELS_PER_MINUTE = 10  # of one member; each may be a gateway call


@json_endpoint("POST")
def cancel(request: HttpRequest, merchant_uid: str) -> HttpResponse:
    """Give all that remains of an own payment back: 200 done, 202 accepted or not known yet, 409
    not allowed or refused, and why.
    """
    own = (
        primary(PointTransaction)
        .filter(owner_id=request.user.pk, merchant_uid=merchant_uid)
        .select_related("owner")
    )
    txn = own.first()
    if txn is None:
        return error("not_found")
    if not allow(f"cancel-{request.user.pk}", at_most=CANCELS_PER_MINUTE, seconds=60):
        return error("too_many", headers={"Retry-After": "60"})
    offered = refund_offer(txn)
    if not offered.allowed:
        return error("cancel_not_allowed", message=offered.why)
    form = SelfCancelForm(request.POST, offered=offered)
    if not form.is_valid():
        fields = {name: [str(text) for text in errors] for name, errors in form.errors.items()}
        return error("bad_input", message=next(iter(fields.values()))[0], fields=fields)
    try:
        cancellation = PointTransaction.objects.cancel(
            txn,
            reason=form.cleaned_data["reason"] or "the member asked for it",
            by=request.user,
            remaining=offered.amount,
            refund_account=form.account(),
        )
    except CannotCancel:  # somebody was faster: a second click, staff, a purchase
        return error("cancel_not_allowed", message=refund_offer(own.get()).why)
    if cancellation.state == PointCancellation.State.REFUSED:
        said = cancellation.error if cancellation.error_code == ErrorCode.GATEWAY_REJECTED else ""
        return error("cancel_refused", gateway_message=said)
    return payment_json(
        own.get(), status=200 if cancellation.state == PointCancellation.State.DONE else 202
    )
