/**
 * The charge page: open an attempt, hand it to the payment service's window, ask our server what became of it.
 * What the window's callback says is never the verdict; only the server's answer decides what the payer reads.
 */

import { digitsOf, grouped, keepGrouped } from "./amount.js";
import { get, insist, pause, post } from "./api.js";
import { data, element, fill, say } from "./page.js";
import { loadSdk } from "./sdk.js";

const POLLS = [2, 3, 5, 6, 8, 10, 12]; // s between questions while a payment is neither made nor failed

const config = data("charge-config");
const texts = config.texts;
const balance = data("balance");
const sdkUrl = data("sdk-url");

const form = element("charge");
const choose = element("choose");
const amount = element("amount");
const pay = element("pay");
const again = element("again");
const chips = [...form.querySelectorAll(".chip")];

let busy = false;
let unfinished = null; // the attempt whose outcome is not known yet

// -- choosing -----------------------------------------------------------------------------------------------------------

function showAmount(digits) {
  const number = Number(digits);
  const words = { amount: grouped(digits), points: grouped(digits) };
  element("sum").hidden = !digits;
  if (digits) {
    element("sum-exchange").textContent = fill(texts.exchange, words);
    element("sum-after").textContent = fill(texts.balance_after, { points: grouped(balance + number) });
  }
  element("pay-label").textContent = digits ? fill(texts.pay_amount, words) : texts.pay;
  for (const chip of chips) {
    chip.setAttribute("aria-pressed", String(chip.value === digits));
  }
  fieldError("amount", "");
}

function fieldError(name, text) {
  const place = element(`${name}-error`);
  if (!place) {
    return null;
  }
  place.textContent = text;
  const input = form.querySelector(`[name="${name}"]`);
  if (text) {
    input.setAttribute("aria-invalid", "true");
  } else {
    input.removeAttribute("aria-invalid");
  }
  return input;
}

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
  again.hidden = true;
  pay.hidden = false;
  pay.removeAttribute("aria-disabled");
  element("pay-spinner").hidden = true;
  showAmount(digitsOf(amount.value));
}

/** The place between choosing and the outcome. */
function progress({ title, detail = "", quote = "", link = "" }) {
  choose.hidden = true;
  pay.hidden = true;
  element("sum").hidden = true;
  element("progress").hidden = false;
  element("progress-spinner").hidden = false;
  say(element("progress-title"), title);
  element("progress-amount").textContent = amount.value;
  say(element("progress-detail"), detail);
  say(element("progress-quote"), quote);
  say(element("progress-link"), link);
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

// -- the payment service's script ---------------------------------------------------------------------------------------

async function prepareSdk() {
  try {
    return await loadSdk(sdkUrl, config.imp_code);
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
  if (busy) {
    return;
  }
  const fields = {};
  for (const [name, value] of new FormData(form)) {
    fields[name] = name === "amount" ? digitsOf(value) : value;
  }
  lock();
  notice("");
  for (const name of ["amount", "pay_method", "buyer_tel"]) {
    fieldError(name, "");
  }
  const IMP = await prepareSdk();
  if (!IMP) {
    unlock();
    return;
  }
  // Asked once only: a second try would be a second attempt.
  const answer = await post(config.checkout_url, fields, csrfToken());
  if (answer.status !== 201) {
    refuse(answer);
    return;
  }
  openWindow(IMP, answer.body);
}

function csrfToken() {
  return form.querySelector("[name=csrfmiddlewaretoken]").value;
}

/** No attempt was opened: say why and let the payer choose again. */
function refuse({ status, body }) {
  if (status === 401) {
    progress({ title: texts.login_needed });
    location.assign(config.login_url);
    return;
  }
  unlock();
  const wrong = Object.entries(body.fields ?? {}).map(([name, messages]) => fieldError(name, messages.join(" ")));
  const first = wrong.find((input) => input);
  if (first) {
    first.focus();
    return;
  }
  const text = body.error?.message ?? (status === 0 ? texts.no_answer : texts.unexpected);
  const reload = { text: texts.reload, run: () => location.reload() };
  notice(text, { action: status === 403 ? reload : null });
  pay.focus();
}

function openWindow(IMP, { merchant_uid: merchantUid, request_pay: request }) {
  const attempt = { merchantUid, impUid: "", failed: false, errorMessage: "" };
  element("progress-link").href = pageOf(attempt);
  progress({ title: texts.window_open, link: texts.window_gone });
  let called = false;
  const callback = (answer) => {
    if (called) {
      return;
    }
    called = true;
    // Older processors say `success`, newer ones only give an error code where something went wrong.
    attempt.impUid = answer?.imp_uid ?? "";
    attempt.errorMessage = answer?.error_msg ?? "";
    attempt.failed = Boolean(answer?.error_code || answer?.error_msg) || answer?.success === false;
    verify(attempt);
  };
  try {
    IMP.request_pay(request, callback);
  } catch {
    callback({ success: false });
  }
}

/** Ask our server what became of the attempt. Nothing but its answer is believed. */
async function verify(attempt) {
  unfinished = null;
  again.hidden = true;
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
    progress({ title: texts.login_needed });
    const login = new URL(config.login_url, location.href);
    login.searchParams.set("next", returnPath(attempt));
    location.assign(login);
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
  progress({ title: texts.checking, detail: texts.checking_leave, quote: message || quoteOf(attempt), link: texts.see_payment });
  element("progress-spinner").hidden = true;
  again.hidden = false;
  unfinished = attempt;
  element("progress-title").focus();
}

function verifyAgain() {
  if (unfinished) {
    verify(unfinished);
  }
}

// -- begin --------------------------------------------------------------------------------------------------------------

keepGrouped(amount, showAmount);
for (const chip of chips) {
  chip.addEventListener("click", () => {
    amount.value = grouped(chip.value);
    showAmount(chip.value);
  });
}
form.addEventListener("input", (event) => fieldError(event.target.name, ""));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
again.addEventListener("click", verifyAgain);
addEventListener("online", verifyAgain);
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.reload(); // the browser kept an old page; balance and state may have moved on
  }
});

amount.value = grouped(digitsOf(amount.value));
showAmount(digitsOf(amount.value));
pay.disabled = false;
prepareSdk();
