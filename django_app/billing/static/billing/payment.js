/** The page of one payment: it always shows the truth, also when it was left open, and lets the payer act upon it. */

import { get, pause } from "./api.js";
import { data, element, fill, fresh, put, say, swap } from "./page.js";
import { enlivenRefund } from "./refund.js";

const DELAYS = [3, 4, 6, 8, 12, 15]; // s, then always the last
const QUESTIONS = 60; // then the page rests until it is looked at again

const config = data("payment-config");
let shown = data("shown");
let asking = false;
let ticking = 0;
let behind = false; // nobody could tell us what is true now
let stale = false; // something changed while the refund's step is open

/** What the page shows now, from the server, in place. Without an answer everything stays: it may be all the payer has to pay by. */
async function renew(focus = false) {
  stale = false;
  const { page, silent } = await fresh();
  behind = silent;
  lost();
  if (silent) {
    poll();
    return;
  }
  if (element("refund")?.open) {
    stale = true; // what the payer types there stays; its end brings us back here
    return;
  }
  const inside = element("payment").contains(document.activeElement);
  if (!swap(page, "payment")) {
    location.reload(); // leads to login and back where the session ended
    return;
  }
  shown = data("shown");
  document.title = page.title;
  element("news").textContent = `${element("outcome-title").textContent}. ${shown.words}`;
  enliven();
  if (focus || inside) {
    element("outcome-title").focus();
  }
}

/** Say whether the page could be behind the truth. */
function lost() {
  const { offline, retrying } = config.texts;
  const words = behind ? (navigator.onLine ? retrying : offline) : "";
  if (words !== element("lost").textContent) {
    say(element("lost"), words);
    element("news").textContent = words;
  }
}

function changed({ status, body }) {
  if (status === 401) {
    return true;
  }
  if (status === 409) {
    return body.error?.message !== shown.words;
  }
  return status === 200 && (body.message !== shown.words || body.status !== shown.status || body.cancel_amount !== shown.cancel_amount);
}

/** One question. True where something had changed (then the page shows it, or will once the refund's step is closed), false where not, null where nobody answered. */
async function look(focus = false) {
  const answer = await get(config.status_url);
  if (changed(answer) || (behind && answer.status)) {
    await renew(focus);
    return true;
  }
  return answer.status === 200 || answer.status === 409 ? false : null;
}

/** While the outcome is open, or not known: ask now and then, less and less often. */
async function poll() {
  if (asking) {
    return;
  }
  asking = true;
  let waits = 0;
  for (let question = 0; question < QUESTIONS && (shown.poll || behind) && !document.hidden; question += 1) {
    await pause(DELAYS[Math.min(waits, DELAYS.length - 1)]);
    waits = !document.hidden && (await look()) ? 0 : waits + 1;
  }
  asking = false;
}

/** The payer asks now. The server asks the gateway at most once in 5 s, so that pressing often does no harm. */
async function checkAgain(button) {
  const label = button.textContent;
  button.setAttribute("aria-disabled", "true");
  put(button, config.texts.asking);
  element("news").textContent = config.texts.asking;
  const news = await look(true);
  if (!button.isConnected) {
    return; // the page shows what is new
  }
  const words = news === false ? config.texts.no_news : config.texts.no_answer;
  put(button, words);
  element("news").textContent = words;
  await pause(3);
  put(button, label);
  button.removeAttribute("aria-disabled");
  poll();
}

// -- a virtual account --------------------------------------------------------------------------------------------------

function showTimeLeft() {
  clearInterval(ticking);
  if (!element("left")) {
    return;
  }
  const end = Date.now() + shown.left * 1000;
  const tick = () => {
    const left = Math.round((end - Date.now()) / 1000);
    if (left < 0) {
      clearInterval(ticking);
      renew();
      return;
    }
    const values = { days: Math.floor(left / 86400), hours: Math.floor(left / 3600) % 24, minutes: Math.floor(left / 60) % 60, seconds: left % 60 };
    const unit = values.days ? "left_days" : left >= 3600 ? "left_hours" : "left_minutes";
    put(element("left"), fill(config.texts[unit], values));
  };
  tick();
  ticking = setInterval(tick, 1000);
}

async function copy(button, source) {
  const text = element(source).textContent.trim();
  const label = button.textContent;
  let copied = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copied = copyBySelection(source); // browsers inside other apps often refuse the first way
  }
  const words = copied ? config.texts.copied : config.texts.copy_failed;
  button.textContent = words;
  element("news").textContent = words;
  await pause(3);
  button.textContent = label;
}

function copyBySelection(source) {
  getSelection().selectAllChildren(element(source));
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  }
}

// -- begin --------------------------------------------------------------------------------------------------------------

function enliven() {
  for (const [name, source] of [["copy", "account-number"], ["copy-number", "payment-number"]]) {
    const button = element(name);
    if (button) {
      button.onclick = () => copy(button, source);
    }
  }
  const again = element("check-again");
  again?.addEventListener("click", (event) => {
    event.preventDefault(); // without scripts it loads the page anew
    if (again.getAttribute("aria-disabled") !== "true") {
      checkAgain(again);
    }
  });
  element("refund")?.addEventListener("close", () => {
    if (stale) {
      renew();
    }
  });
  showTimeLeft();
  enlivenRefund(config, look, renew);
  poll();
}

document.addEventListener("visibilitychange", async () => {
  if (!document.hidden) {
    await look();
    poll();
  }
});
addEventListener("online", poll);
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    renew(); // the browser kept an old page
  }
});
enliven();
