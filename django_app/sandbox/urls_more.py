"""Addresses of what is not plain payments: receipts, identity checks, billing keys, schedules."""

from django.urls import path, re_path

from sandbox import certifications, control_more, customers, receipts, schedules, subscriptions

API = [
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
    re_path(r"^subscribe/payments/schedule/customers/(?P<customer_uid>[^/]+)/?\Z", schedules.of_customer),
    re_path(r"^subscribe/payments/schedule/(?P<merchant_uid>[^/]+)/?\Z", schedules.scheduled),
]

CONTROL = [path("certify", control_more.certify)]
