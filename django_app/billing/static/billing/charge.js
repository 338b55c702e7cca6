/**
 * The charge page: open an attempt, hand it to the payment service's window, ask our server what became of it.
 * What the window's callback says is never the verdict; only the server's answer decides what the payer reads.
 */

import { get, insist, pause, post } from "./api.js";
import { chooser, fields, here } from "./choose.js";
import { data, element, fill, fresh, say, swap } from "./page.js";
import { loadSdk, requestPay } from "./sdk.js";

const POLLS = [2, 3, 5, 6, 8, 10, 12]; // s between questions while a payment is neither made nor failed

const config = data("charge-config");
const texts = config.texts;
const form = element("charge");
const choose = element("choose");
const pay = element("pay");
const again = element("again");
const choice = chooser(config);

let busy = false;
let unfinished = null; // the attempt whose outcome is not known yet

// -- what the payer sees ------------------------------------------------------------------------------------------------

function lock() {
  busy = true;
  choose.disabled = true;
  pay.setAttribute("aria-disabled", "true");
  element("pay-spinner").hidden = false;
  element("pay-label").textContent = texts.opening;
}

/** Back to choosing, as it was left. */
function unlock() {
  busy = false;
  unfinished = null;
  choose.disabled = false;
  choose.hidden = false;
  element("progress").hidden = true;
  element("summary").hidden = false;
  again.hidden = true;
  pay.hidden = false;
  pay.removeAttribute("aria-disabled");
  element("pay-spinner").hidden = true;
  choice.show();
}

/** The place between choosing and the outcome. `action` is {text, run}; while there is one, nothing turns. */
function progress({ title, detail = "", quote = "", link = "", action = null }) {
  const arrived = element("progress").hidden;
  choose.hidden = true;
  pay.hidden = true;
  element("summary").hidden = true;
  element("progress").hidden = false;
  element("progress-spinner").hidden = Boolean(action);
  say(element("progress-title"), title);
  element("progress-amount").textContent = element("amount").value;
  say(element("progress-detail"), detail);
  say(element("progress-quote"), quote);
  say(element("progress-link"), link);
  say(again, action?.text ?? "");
  again.onclick = action?.run ?? null;
  if (arrived) {
    element("progress-title").focus(); // where the window gives the focus back to
    scrollTo(0, 0);
  }
}

/** An error that leaves the payer where they are. `action` is {text, run}, `link` {text, href}. */
function notice(text, { quote = "", link = null, action = null } = {}) {
  element("notice").hidden = !text;
  say(element("notice-text"), text);
  say(element("notice-quote"), quote);
  say(element("notice-link"), link?.text ?? "");
  if (link) {
    element("notice-link").href = link.href;
  }
  const button = element("notice-action");
  say(button, action?.text ?? "");
  button.onclick = action?.run ?? null;
}

function pageOf(attempt) {
  return `${config.payments_url}${attempt.merchantUid}/`;
}

function quoteOf(attempt, message = "") {
  const theirs = attempt.errorMessage;
  return theirs && !message.includes(theirs) ? fill(texts.quote, { message: theirs }) : "";
}

function toLogin(next) {
  progress({ title: texts.login_needed });
  location.assign(`${config.login_url}?${new URLSearchParams({ next })}`);
}

// -- the payment service's script ---------------------------------------------------------------------------------------

async function prepareSdk() {
  try {
    return await loadSdk(config.sdk_url, config.imp_code);
  } catch {
    const run = async () => {
      notice("");
      pay.focus();
      await prepareSdk();
    };
    notice(texts.sdk_missing, { action: { text: texts.try_again, run } });
    return null;
  }
}

// -- one attempt --------------------------------------------------------------------------------------------------------

async function start() {
  if (busy || !choice.check()) {
    return;
  }
  const chosen = fields();
  lock();
  notice("");
  const IMP = await prepareSdk();
  if (!IMP) {
    unlock();
    return;
  }
  // Asked once only: a second try would be a second attempt.
  const answer = await post(config.checkout_url, chosen, csrfToken());
  if (answer.status === 201) {
    const attempt = { merchantUid: answer.body.merchant_uid, impUid: "", failed: false, errorMessage: "", over: false };
    openWindow(IMP, attempt, answer.body.request_pay);
    keepAsking(attempt);
  } else {
    refuse(answer);
  }
}

/** Where the window never answers; loaded with the first window, not with the page. Without it the callback still tells. */
async function keepAsking(attempt) {
  const decided = (url) => {
    attempt.over = true; // what the window says from now on leads nowhere else
    location.assign(url);
  };
  try {
    const { watch } = await import("./watch.js");
    await watch(`${pageOf(attempt)}status/`, () => attempt.over, decided);
  } catch {
    // not loaded
  }
}

function csrfToken() {
  return form.elements.csrfmiddlewaretoken.value;
}

/** No attempt was opened: say why and let the payer choose again. */
function refuse({ status, body }) {
  if (status === 401) {
    toLogin(here());
    return;
  }
  unlock();
  const wrong = choice.refuse(body.fields ?? {});
  if (wrong) {
    wrong.focus();
    return;
  }
  const text = body.error?.message ?? (status === 0 ? texts.no_answer : texts.unexpected);
  const reload = { text: texts.reload, run: () => location.replace(here()) };
  notice(text, { action: status === 403 ? reload : null });
  pay.focus();
}

function openWindow(IMP, attempt, request) {
  element("progress-link").href = pageOf(attempt);
  progress({ title: texts.window_open, link: texts.window_gone });
  const done = (answer) => {
    if (attempt.over) {
      return;
    }
    attempt.over = true;
    // Older processors say `success`, newer ones only give an error code where something went wrong.
    attempt.impUid = answer?.imp_uid ?? "";
    attempt.errorMessage = answer?.error_msg ?? "";
    attempt.failed = Boolean(answer?.error_code || answer?.error_msg) || answer?.success === false;
    verify(attempt);
  };
  const blocked = () => {
    const run = () => openWindow(IMP, attempt, request);
    progress({ title: texts.blocked, detail: texts.blocked_detail, action: { text: texts.open_window, run } });
    again.focus();
  };
  requestPay(IMP, request, done, blocked);
}

/** Ask our server what became of the attempt. Nothing but its answer is believed. */
async function verify(attempt) {
  unfinished = null;
  notice("");
  progress({ title: texts.checking });
  const wait = () => progress({ title: texts.checking, detail: navigator.onLine ? texts.retrying : texts.offline });
  const validate = () => post(config.validation_url, { imp_uid: attempt.impUid, merchant_uid: attempt.merchantUid }, csrfToken());
  const askStatus = () => get(`${pageOf(attempt)}status/`);
  let answer = await insist(attempt.impUid ? validate : askStatus, wait);
  if (attempt.impUid && answer?.status === 404) {
    answer = await insist(askStatus, wait); // the gateway does not know this imp_uid; the order may still be ours
  }
  for (const seconds of POLLS) {
    const open = answer?.status === 200 && answer.body.status === "ready" && !answer.body.next;
    if (!open || attempt.failed) {
      break;
    }
    progress({ title: texts.checking, detail: texts.checking_leave });
    await pause(seconds);
    answer = await insist(askStatus, wait);
  }
  conclude(attempt, answer);
}

function conclude(attempt, answer) {
  const { status, body } = answer ?? { status: 0, body: {} };
  if (status === 401) {
    toLogin(returnPath(attempt));
  } else if (status === 403) {
    location.assign(returnPath(attempt)); // the session changed under this page; that road needs no token
  } else if (status === 409 && body.next) {
    location.assign(body.next);
  } else if (status === 200 && body.status === "failed") {
    stopped(attempt, body.message, body.next);
  } else if (status === 200 && (body.next || body.status !== "ready")) {
    location.assign(body.next ?? pageOf(attempt));
  } else if (status === 200 && attempt.failed) {
    stopped(attempt, texts.stopped, pageOf(attempt)); // no payment was seen, which does not prove that there is none
  } else {
    unknown(attempt, body.error?.message ?? "");
  }
}

/** Where a browser goes that comes back by redirect; it asks the gateway too. */
function returnPath(attempt) {
  if (!attempt.impUid) {
    return pageOf(attempt);
  }
  return `${config.complete_url}?${new URLSearchParams({ imp_uid: attempt.impUid, merchant_uid: attempt.merchantUid })}`;
}

/** No money moved as far as the server knows: the payer may try again. */
function stopped(attempt, message, next) {
  unlock();
  notice(message || texts.stopped, { quote: quoteOf(attempt, message), link: next ? { text: texts.see_payment, href: next } : null });
  pay.focus();
}

/** Nobody could tell in time. Nothing is claimed, and nothing is lost when the payer leaves. */
function unknown(attempt, message) {
  unfinished = attempt;
  const action = { text: texts.check_again, run: verifyAgain };
  progress({ title: texts.checking, detail: texts.checking_leave, quote: message || quoteOf(attempt), link: texts.see_payment, action });
  element("progress-title").focus();
}

function verifyAgain() {
  if (unfinished) {
    verify(unfinished);
  }
}

/** Another tab may have moved on: balance, unfinished payments, and the token that a new login brings. */
async function lookAgain() {
  if (document.hidden || busy) {
    return;
  }
  const { page } = await fresh();
  if (!page || busy) {
    return;
  }
  if (!swap(page, "fresh")) {
    location.replace(here());
  } else {
    form.elements.csrfmiddlewaretoken.value = page.querySelector("#charge [name=csrfmiddlewaretoken]").value;
    choice.show();
  }
}

// -- begin --------------------------------------------------------------------------------------------------------------

form.addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
addEventListener("online", verifyAgain);
document.addEventListener("visibilitychange", lookAgain);
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.replace(here()); // the browser kept an old page, maybe in the middle of a payment
  }
});

choice.show();
element("not-ready").hidden = true;
pay.disabled = false;
prepareSdk();
