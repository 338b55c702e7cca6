"""Addresses of the REST API. A trailing slash is tolerated, as the live one does."""

from django.urls import re_path

from billing_sandbox.api import (
    access_token,
    cancel,
    certifications,
    codes,
    customers,
    entry_point,
    lookups,
    prepare,
    receipts,
    schedules,
    subscriptions,
    vbanks,
)

urlpatterns = [
    re_path(r"^users/getToken/?\Z", access_token.get_token),
    re_path(r"^users/pg/?\Z", codes.channels),
    re_path(r"^payments/?\Z", lookups.payments_by_ids),
    re_path(r"^payments/cancel/?\Z", cancel.cancel),
    re_path(r"^payments/prepare/?\Z", prepare.prepare),
    re_path(r"^payments/prepare/(?P<merchant_uid>[^/]+)/?\Z", prepare.prepared_amount),
    re_path(r"^payments/find/(?P<merchant_uid>[^/]+)/?\Z", lookups.find_by_merchant_uid),
    re_path(
        r"^payments/find/(?P<merchant_uid>[^/]+)/(?P<status>[^/]+)/?\Z",
        lookups.find_by_merchant_uid,
    ),
    re_path(r"^payments/findAll/(?P<merchant_uid>[^/]+)/?\Z", lookups.find_all_by_merchant_uid),
    re_path(
        r"^payments/findAll/(?P<merchant_uid>[^/]+)/(?P<status>[^/]+)/?\Z",
        lookups.find_all_by_merchant_uid,
    ),
    re_path(r"^payments/status/(?P<status>[^/]+)/?\Z", lookups.by_status),
    # these are no imp_uids
    re_path(
        r"^payments/(?!(?:find|findAll|prepare|cancel|status)/?\Z)(?P<imp_uid>[^/]+)/?\Z",
        lookups.payment_by_imp_uid,
    ),
    re_path(r"^vbanks/?\Z", vbanks.issue),
    re_path(r"^vbanks/(?P<imp_uid>[^/]+)/?\Z", vbanks.vbank),
    re_path(r"^banks/?\Z", codes.banks),
    re_path(r"^banks/(?P<code>[^/]+)/?\Z", codes.bank),
    re_path(r"^cards/?\Z", codes.cards),
    re_path(r"^cards/(?P<code>[^/]+)/?\Z", codes.card),
    re_path(r"^payments/(?P<imp_uid>[^/]+)/balance/?\Z", receipts.balance),
    re_path(r"^receipts/(?P<imp_uid>[^/]+)/?\Z", receipts.receipt),
    re_path(r"^certifications/(?P<imp_uid>[^/]+)/?\Z", certifications.certification),
    re_path(r"^subscribe/customers/(?P<customer_uid>[^/]+)/?\Z", customers.customer),
    re_path(
        r"^subscribe/customers/(?P<customer_uid>[^/]+)/schedules/?\Z", schedules.customer_schedules
    ),
    re_path(r"^subscribe/payments/onetime/?\Z", subscriptions.onetime),
    re_path(r"^subscribe/payments/again/?\Z", subscriptions.again),
    re_path(r"^subscribe/payments/foreign/?\Z", subscriptions.foreign),
    re_path(r"^subscribe/payments/schedule/?\Z", schedules.schedule),
    re_path(r"^subscribe/payments/unschedule/?\Z", schedules.unschedule),
    re_path(
        r"^subscribe/payments/schedule/customers/(?P<customer_uid>[^/]+)/?\Z",
        schedules.customer_schedules,
    ),
    re_path(
        r"^subscribe/payments/schedule/(?P<merchant_uid>[^/]+)/?\Z",
        schedules.schedule_by_merchant_uid,
    ),
    re_path(r"", entry_point.unknown_address),
]
