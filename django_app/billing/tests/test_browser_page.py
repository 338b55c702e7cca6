"""The charge page itself, in a real browser: the amount field, keyboards, weight, steadiness, a
strict policy, no scripts at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from pytest_django import Settings

from billing.tests.support.browser import ALL, LOOKS, WATCH_SHIFTS, Payer
from billing.tests.test_browser import points, texts

if TYPE_CHECKING:
    from playwright.sync_api import Route

pytestmark = [
    pytest.mark.browser,
    pytest.mark.thorough,
    pytest.mark.django_db(transaction=True, databases=["default", "sandbox"]),
]

HEAVIEST = 60_000  # bytes of the whole charge page over the wire


# -- choosing --------------------------------------------------------------------------------------


def test_separators_leave_the_caret_where_it_was(payer: Payer) -> None:
    page = payer.page
    page.click("#amount")
    page.keyboard.type("1234567")
    assert page.input_value("#amount") == "1,234,567"
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Backspace")  # the separator before 567 goes and comes back
    page.keyboard.press("Backspace")
    page.keyboard.type("9")
    assert page.input_value("#amount") == "1,239,567"
    assert page.evaluate("document.getElementById('amount').selectionStart") == len("1,239")
    page.fill("#amount", "₩ 50,000.00")
    page.locator("#amount").blur()
    assert page.input_value("#amount") == "50,000"
    page.fill("#amount", "")
    page.click("#amount")
    page.keyboard.type("10000.00")  # key by key: the zeros behind the dot are no hundreds
    assert page.inner_text("#pay-label") == texts(payer.language)["pay_amount"].format(
        amount="10,000"
    )
    page.locator("#amount").blur()
    assert page.input_value("#amount") == "10,000"


def test_chips_add_up_to_the_largest_amount(payer: Payer) -> None:
    page = payer.page
    page.click(".chip[value='10000']")
    page.click(".chip[value='5000']")
    assert page.input_value("#amount") == "15,000"
    assert page.inner_text("#after") == "15,000"
    for _ in range(10):
        page.click(".chip[value='100000']")
    assert page.input_value("#amount") == "1,000,000"
    # It was not added, and the payer is told.
    assert "1,000,000" in page.inner_text("#amount-error")
    assert page.get_attribute("#amount", "aria-invalid") is None
    page.click("#clear")
    assert (page.input_value("#amount"), payer.focus) == ("", "amount")
    assert not page.is_visible("#clear")


def test_easy_pay_with_a_channel_asks_for_no_telephone(
    visit: Callable[..., Payer], user: Any, settings: Settings
) -> None:
    settings.IAMPORT_CHANNELS = {
        name: f"channel-key-{name}" for name in ("kakaopay", "naverpay", "tosspay", "payco")
    }
    payer = visit(size=(390, 844), language="ko", hurry=True)
    payer.enter(user)
    assert payer.page.locator(".method").count() == 8
    assert payer.page.inner_text("#phone-asked") == texts("ko")["phone_asked"]
    payer.choose(10_000, "kakaopay")
    assert not payer.page.is_visible("#buyer_tel")
    assert payer.page.inner_text("#phone-asked") == ""
    payer.accessible()
    payer.page.click("#pay")
    payer.do("approve")
    payer.page.wait_for_selector(".outcome.paid")
    assert points(user) == (1, 10_000)
    payer.no_trouble()


def test_the_telephone_is_remembered_for_the_session(payer: Payer) -> None:
    payer.pay()
    payer.do("approve")
    payer.page.wait_for_selector(".outcome.paid")
    payer.page.goto(f"{payer.site}/billing/charge/")
    assert payer.page.input_value("#buyer_tel") == "010-1234-5678"


def test_what_a_choice_changes_is_announced_once(payer: Payer) -> None:
    """What a screen reader hears: the exchange with the balance after, and what a method means; and
    nothing that stays as it was.
    """
    page = payer.page
    page.evaluate(
        """() => {
            window.heard = [];
            const watch = new MutationObserver((changes) => changes.forEach(({ target }) =>
                heard.push((target.id ? target : target.parentElement).id)));
            for (const region of document.querySelectorAll("#charge [aria-live=polite]")) {
                watch.observe(region, { childList: true, characterData: true, subtree: true });
            }
        }"""
    )
    page.fill("#amount", "30000")
    page.check("[value=vbank]")
    page.check("[value=trans]")
    page.check("#agree")
    assert page.evaluate("heard") == [
        "exchange",
        "after",
        "exchange",
        "method-help",
        "exchange",
        "method-help",
    ]
    assert (
        page.evaluate("document.getElementById('after').closest('[aria-live]').ariaAtomic")
        == "true"
    )


def test_another_language_keeps_what_was_chosen(payer: Payer) -> None:
    payer.choose(30_000, "trans")
    other = "ko" if payer.language == "en" else "en"
    payer.page.click(f".switches [name=language][value={other}]")
    payer.page.wait_for_url("**/billing/charge/?*")
    assert payer.page.get_attribute("html", "lang") == other
    assert payer.page.input_value("#amount") == "30,000"
    assert payer.page.is_checked("[value=trans]")
    assert "1234" not in payer.page.url  # no telephone number travels in an address


def test_the_keyboard_alone_is_enough(payer: Payer, user: Any) -> None:
    """In the order that the page is read; and the focus comes back from the window to where the
    news is.
    """
    page = payer.page
    page.focus("#amount")
    page.keyboard.type("20000")
    reached = ["amount"]
    while payer.focus != "pay" and len(reached) < 30:
        page.keyboard.press("Tab")
        reached.append(
            payer.focus
            or page.evaluate("document.activeElement.value ?? document.activeElement.tagName")
        )
        if reached[-1] == "card":
            page.keyboard.press("ArrowDown")
        if reached[-1] == "buyer_tel":
            page.keyboard.type("01012345678")
        if reached[-1] == "agree":
            page.keyboard.press("Space")
    assert reached == [
        "amount",
        "clear",
        "5000",
        "10000",
        "30000",
        "50000",
        "100000",
        "card",
        "buyer_tel",
        "agree",
        "A",
        "pay",
    ]
    assert page.is_checked("[value=trans]")
    page.keyboard.press("Enter")
    payer.window.locator("#close").wait_for()
    page.frames[-1].wait_for_load_state()
    page.keyboard.press("Escape")
    page.wait_for_selector("#notice:not([hidden])")
    assert payer.focus == "pay"
    assert points(user) == (1, 0)


# -- what it costs to look at ----------------------------------------------------------------------


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(
    "address", ["/billing/charge/", "/billing/charge/?amount=30000&pay_method=vbank"]
)
def test_light_steady_and_silent(
    visit: Callable[..., Payer], user: Any, look: Any, address: str
) -> None:
    """At most 60 kB with nothing compressed (as gunicorn and whitenoise serve it), nothing moves,
    nothing is said, nobody else is asked.
    """
    size, language = look
    payer = visit(size=size, language=language)
    payer.context.add_init_script(WATCH_SHIFTS)
    wire = payer.context.new_cdp_session(payer.page)
    wire.send("Network.enable")
    urls: dict[str, str] = {}
    sizes: dict[str, float] = {}
    wire.on(
        "Network.requestWillBeSent",
        lambda event: urls.update({event["requestId"]: event["request"]["url"]}),
    )
    wire.on(
        "Network.loadingFinished",
        lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}),
    )
    payer.enter(user, address)
    payer.until("window.IMP")
    payer.page.wait_for_timeout(100)
    weights = {urls[key].removeprefix(payer.site): size for key, size in sizes.items()}
    ours = {url: size for url, size in weights.items() if not url.startswith("/sandbox/")}
    assert len(ours) >= 8
    assert sum(ours.values()) <= HEAVIEST, ours
    assert payer.page.evaluate("window.shifts") == []
    assert payer.said == []
    payer.no_trouble()


def test_pages_hold_under_a_strict_policy(payer: Payer, user: Any) -> None:
    def strict(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(
            response=answer,
            headers={
                **answer.headers,
                "content-security-policy": "default-src 'self'; form-action 'self'",
            },
        )

    payer.page.route(re.compile(r"/billing/(charge|payments/[^/]+)/$"), strict)
    payer.page.reload()
    payer.pay()
    payer.do("approve")
    payer.page.wait_for_selector(".outcome.paid")
    assert points(user) == (1, 10_000)
    payer.no_trouble()


# -- people who see it otherwise -------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(320, 568), (640, 450)], ids=["320px", "200%"])
def test_small_and_large_print(
    visit: Callable[..., Payer], user: Any, size: tuple[int, int], scheme: Any
) -> None:
    """320 px wide, and a desk of 1280 px at 200 %."""
    for language in ("ko", "en") if ALL else ("en",):
        payer = visit(size=size, language=language, color_scheme=scheme, reduced_motion="reduce")
        payer.enter(user)
        payer.choose(1_000_000, "vbank")
        payer.accessible()
        payer.page.evaluate("document.getElementById('pay-spinner').hidden = false")
        # It does not turn.
        assert (
            payer.page.evaluate(
                "getComputedStyle(document.getElementById('pay-spinner')).animationName"
            )
            == "breathe"
        )


def test_what_keeps_people_out_is_found(payer: Payer) -> None:
    """The judge of all these tests is awake: a field without a name, pale text, a small button,
    something too wide.
    """
    payer.page.evaluate(
        """() => {
            const add = (name, text, style) => {
                const made = document.createElement(name);
                made.textContent = text;
                Object.assign(made.style, style);  // an attribute would be refused by the page's policy
                document.getElementById("main").prepend(made);
            };
            add("div", "wide", {width: "200vw"});
            add("button", "small", {height: "20px", minHeight: "0"});
            add("p", "pale", {color: "#ccc", background: "#fff", width: "10em"});
            add("input", "", {});
        }"""
    )
    with pytest.raises(AssertionError) as found:
        payer.accessible()
    for fault in ("label: ", "color-contrast: ", "too small to touch", "scrolls sideways"):
        assert fault in str(found.value)


def test_a_script_that_cannot_load_is_said(visit: Callable[..., Payer], user: Any) -> None:
    """An old browser, or a connection that broke: a button that stays grey without a word would be
    a dead end.
    """
    payer = visit(language="en")
    payer.page.route(
        "**/billing/choose*.js",
        lambda route: route.fulfill(body="old ?!", content_type="text/javascript"),
    )
    payer.enter(user)
    assert not payer.page.is_visible("#not-ready")
    payer.page.evaluate(
        "document.getElementById('not-ready').getAnimations().forEach((one) => one.finish())"
    )
    assert payer.page.is_visible("#not-ready")
    payer.accessible()
    payer.page.unroute("**/billing/choose*.js")
    payer.page.reload()
    payer.until("!document.getElementById('pay').disabled")
    assert not payer.page.evaluate("document.getElementById('not-ready').checkVisibility()")


def test_without_scripts_the_page_says_what_is_missing(
    visit: Callable[..., Payer], user: Any
) -> None:
    payer = visit(java_script_enabled=False, language="en")
    payer.log_in()
    assert payer.page.is_visible("noscript p")
    assert payer.page.is_disabled("#pay")
