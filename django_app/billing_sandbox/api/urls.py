"""Addresses of the REST API. A trailing slash is tolerated, as the live one does."""

from django.urls import re_path

from billing_sandbox.api import (
    cancel,
    certifications,
    codes,
    customers,
    lookups,
    receipts,
    schedules,
    subscriptions,
    token_and_prepare,
    vbanks,
)

urlpatterns = [
    re_path(r"^users/getToken/?\Z", token_and_prepare.get_token),
    re_path(r"^users/pg/?\Z", codes.channels),
    re_path(r"^payments/?\Z", lookups.several),
    re_path(r"^payments/cancel/?\Z", cancel.cancel),
    re_path(r"^payments/prepare/?\Z", token_and_prepare.prepare),
    re_path(r"^payments/prepare/(?P<merchant_uid>[^/]+)/?\Z", token_and_prepare.prepared),
    re_path(r"^payments/find/(?P<merchant_uid>[^/]+)/?\Z", lookups.find),
    re_path(r"^payments/find/(?P<merchant_uid>[^/]+)/(?P<status>[^/]+)/?\Z", lookups.find),
    re_path(r"^payments/findAll/(?P<merchant_uid>[^/]+)/?\Z", lookups.find_all),
    re_path(r"^payments/findAll/(?P<merchant_uid>[^/]+)/(?P<status>[^/]+)/?\Z", lookups.find_all),
    re_path(r"^payments/status/(?P<status>[^/]+)/?\Z", lookups.by_status),
    # these are no imp_uids
    re_path(
        r"^payments/(?!(?:find|findAll|prepare|cancel|status)/?\Z)(?P<imp_uid>[^/]+)/?\Z",
        lookups.payment,
    ),
    re_path(r"^vbanks/?\Z", vbanks.issue),
    re_path(r"^vbanks/(?P<imp_uid>[^/]+)/?\Z", vbanks.one),
    re_path(r"^banks/?\Z", codes.banks),
    re_path(r"^banks/(?P<code>[^/]+)/?\Z", codes.bank),
    re_path(r"^cards/?\Z", codes.cards),
    re_path(r"^cards/(?P<code>[^/]+)/?\Z", codes.card),
    re_path(r"^payments/(?P<imp_uid>[^/]+)/balance/?\Z", receipts.balance),
    re_path(r"^receipts/(?P<imp_uid>[^/]+)/?\Z", receipts.receipt),
    re_path(r"^certifications/(?P<imp_uid>[^/]+)/?\Z", certifications.certification),
    re_path(r"^subscribe/customers/(?P<customer_uid>[^/]+)/?\Z", customers.customer),
    re_path(r"^subscribe/customers/(?P<customer_uid>[^/]+)/schedules/?\Z", schedules.of_customer),
    re_path(r"^subscribe/payments/onetime/?\Z", subscriptions.onetime),
    re_path(r"^subscribe/payments/again/?\Z", subscriptions.again),
    re_path(r"^subscribe/payments/foreign/?\Z", subscriptions.foreign),
    re_path(r"^subscribe/payments/schedule/?\Z", schedules.schedule),
    re_path(r"^subscribe/payments/unschedule/?\Z", schedules.unschedule),
    re_path(
        r"^subscribe/payments/schedule/customers/(?P<customer_uid>[^/]+)/?\Z", schedules.of_customer
    ),
    re_path(r"^subscribe/payments/schedule/(?P<merchant_uid>[^/]+)/?\Z", schedules.scheduled),
    re_path(r"", token_and_prepare.nothing),
]
