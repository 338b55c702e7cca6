"""Every setting of billing: name, type, default, and what it means. The only reader of
`django.conf` here.

Read when used: a test or a project may change a setting at any time.

    from billing.conf import conf
    conf.BILLING_MIN_AMOUNT
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from django.conf import LazySettings, settings

T = TypeVar("T")

VENDOR_API_URL = "https://api.iamport.kr/"
VENDOR_SDK_URL = "https://cdn.iamport.kr/v1/iamport.js"
NO_MAIL = "django.core.mail.backends.dummy.EmailBackend"  # how a project without a server says it
SANDBOX_URL = "http://127.0.0.1:9000/sandbox/"  # where `python -m billing_sandbox` serves

# Sourced in the vendor's documentation; only these are.
KNOWN_REFUND_BANKS: dict[str, dict[str, str]] = {
    "html5_inicis": {"88": "신한은행"},
    "kcp": {"BK88": "신한은행"},
    **{
        name: {"088": "신한은행"}
        for name in ("tosspayments", "uplus", "nice", "nice_v2", "kicc", "danal_tpay", "settle")
    },
}
MERCHANT_KEYS = (
    "name",
    "representative",
    "registration_number",
    "mail_order_number",
    "address",
    "telephone",
    "email",
    "hosting",
    "privacy_url",
)


class Setting(Generic[T]):
    """One setting: the project's value, else `default`; in sandbox mode `in_sandbox` goes before
    the default. doc: one line, the tables of the documents are made of it.
    """

    name: str

    def __init__(self, default: T, doc: str, *, in_sandbox: T | None = None) -> None:
        self.default, self.doc, self.in_sandbox = default, doc, in_sandbox

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Setting[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Setting[T] | T:
        if instance is None:
            return self
        default = self.default
        if self.in_sandbox is not None and conf.IAMPORT_MODE == "sandbox":
            default = self.in_sandbox
        value: T = getattr(settings, self.name, default)
        return value


class BillingSettings:
    """The settings, by name."""

    # -- the gateway --
    IAMPORT_CODE = Setting("", "merchant identification code of the vendor's console")
    IAMPORT_KEY = Setting("", "REST API key (V1)")
    IAMPORT_SECRET = Setting("", "REST API secret (V1)")
    IAMPORT_MODE = Setting("live", "`live`, or `sandbox`: play money, a database of its own")
    IAMPORT_CHANNELS: Setting[Mapping[str, str]] = Setting(
        {}, "channel key of the console for each method; without one the page sends `pg`"
    )
    IAMPORT_PG = Setting("html5_inicis", "`pg` where the method has no channel")
    IAMPORT_PG_API_KEY = Setting("", "Inicis' own API key, which closing a virtual account needs")
    IAMPORT_API_URL = Setting(
        VENDOR_API_URL, "the REST API, with the slash", in_sandbox=f"{SANDBOX_URL}api/"
    )
    IAMPORT_SDK_URL = Setting(
        VENDOR_SDK_URL, "the script of `window.IMP`", in_sandbox=f"{SANDBOX_URL}iamport.js"
    )
    IAMPORT_CONNECT_SECONDS = Setting(5, "seconds to reach the gateway")

    # -- what can be charged --
    BILLING_MIN_AMOUNT = Setting(1_000, "smallest charge, won")
    BILLING_MAX_AMOUNT = Setting(1_000_000, "largest charge, won")
    BILLING_AMOUNT_STEP = Setting(100, "charges are multiples of it, won")
    BILLING_PRESETS: Setting[Sequence[int]] = Setting(
        (5_000, 10_000, 30_000, 50_000, 100_000), "amounts on the charge page's buttons, won"
    )
    BILLING_METHODS: Setting[Sequence[str]] = Setting(
        ("card", "trans", "vbank", "phone"), "`pay_method` values that a payer may choose"
    )
    BILLING_VBANK_DAYS = Setting(3, "days a virtual account waits for its deposit")

    # -- the payer --
    BILLING_BUYER = Setting(
        "billing.web.buyer.facts", "dotted path: function that tells the buyer's facts"
    )
    BILLING_ASK_PHONE = Setting(
        True, "ask for a telephone number (several processors refuse without)"
    )
    BILLING_SELF_CANCEL_DAYS = Setting(7, "days in which a member may cancel an unspent charge")
    BILLING_REFUND_BANKS: Setting[Mapping[str, Mapping[str, str]]] = Setting(
        KNOWN_REFUND_BANKS,
        "by `pg_provider`: the processor's bank codes a member may choose for a refund",
    )
    BILLING_MERCHANT: Setting[Mapping[str, str]] = Setting(
        dict.fromkeys(MERCHANT_KEYS, ""), "who sells, at the foot of pages and mail"
    )
    BILLING_MAIL = Setting(True, "mail members about their payments")

    # -- wrong money, limits --
    BILLING_ACCEPT_TEST_CHANNEL = Setting(
        False, "live mode: credit payments of the vendor's test channel (play money)"
    )
    BILLING_RETURN_WRONG_MONEY = Setting(
        True, "send wrong money back by ourselves; off leaves each to staff"
    )
    BILLING_CHECKOUTS_PER_MINUTE = Setting(20, "checkouts a minute, per member")
    BILLING_VALIDATIONS_PER_MINUTE = Setting(
        60, "validations a minute, per member; each is a gateway call"
    )
    BILLING_CALLS_PER_HOUR = Setting(
        30, "gateway calls an hour for one merchant_uid, by webhook and return"
    )
    BILLING_RUBBISH_PER_MINUTE = Setting(
        30, "unreadable webhooks, and stored ones about nobody, a minute from one address"
    )
    BILLING_DOOR_SECONDS = Setting(10, "seconds a web request may spend on the gateway in all")

    # -- webhooks, addresses --
    BILLING_NOTICE_URL = Setting(
        "", "sent as `notice_url`; replaces the webhook address of the console"
    )
    BILLING_WEBHOOK_ADDRESSES: Setting[Sequence[str]] = Setting(
        (), "the only senders of webhooks, addresses and networks; empty: anybody"
    )
    PUBLIC_URL = Setting(
        "", "base of return addresses and links in mail; empty: the host that was asked"
    )
    TRUSTED_PROXY_HEADERS: Setting[Sequence[str]] = Setting(
        (), "forwarded headers that our own proxy writes: `x-forwarded-for`"
    )

    # -- staff --
    BILLING_STAFF_MAIL: Setting[Sequence[str]] = Setting(
        (), "who gets the night's mail: open reviews, unknown cancels, drift"
    )
    BILLING_NIGHTLY_COMMANDS: Setting[Sequence[str]] = Setting(
        (), "what else `nightly` runs: commands of the project without arguments"
    )
    BILLING_ADMIN_SITE = Setting(
        "django.contrib.admin.site", "dotted path: the AdminSite that shows the lists"
    )
    BILLING_ANONYMIZE_USER = Setting(
        "", "dotted path: function that overwrites what else a user holds when a member leaves"
    )

    @property
    def django(self) -> LazySettings:
        """Django's own settings, for the few that are read here."""
        return settings


conf = BillingSettings()


def all_settings() -> dict[str, Setting[Any]]:
    """Every setting, by name, in the order of this file."""
    return {
        name: setting
        for name, setting in vars(BillingSettings).items()
        if isinstance(setting, Setting)
    }
