/**
 * While the payment window is open: ask our own server, so that the payer is not kept by a window that never answers (a tab that was
 * closed, an app that did not come back). The window's callback stays the first to tell; whoever is first, the other is not heard.
 */

import { get } from "./api.js";

const EVERY = 5; // s between questions to our own row
const GATEWAY = [10, 20, 40]; // s after which the gateway is asked too; then each minute
const MINUTE = 60;

/**
 * Ask until the payment's money is decided: calls `decided(url)` once, with the page to go to. Nothing is asked while nobody looks, and
 * at once when somebody looks again. Ends without a word as soon as `isOver()`, or where our server does not answer this member any more.
 */
export async function watch(statusUrl, isOver, decided) {
  let seconds = 0; // that somebody looked at the page
  let due = 0; // of GATEWAY
  let next = GATEWAY[0];
  while (!isOver()) {
    const back = await wait();
    if (isOver()) {
      return;
    }
    if (document.hidden) {
      continue;
    }
    seconds += back ? 0 : EVERY;
    const gateway = back || seconds >= next;
    if (seconds >= next) {
      due += 1;
      next = GATEWAY[due] ?? next + MINUTE;
    }
    const answer = await get(gateway ? statusUrl : `${statusUrl}?ask=0`);
    if (isOver()) {
      return;
    }
    const url = where(answer);
    if (url) {
      decided(url);
      return;
    }
    if ([401, 403, 404].includes(answer.status)) {
      return; // the callback's own question says why
    }
  }
}

/** The payment's page, once its money is decided: paid, given back, sent back, or an account waits. A refusal is not the end: in the same window the payer may take another card. */
function where({ status, body }) {
  if (status === 409) {
    return body.next ?? "";
  }
  const money = body.status === "paid" || (body.status === "cancelled" && body.cancel_amount > 0) || body.status === "ready";
  return status === 200 && money ? (body.next ?? "") : "";
}

/** EVERY seconds; true at once when the page is looked at again. */
function wait() {
  return new Promise((resolve) => {
    const done = (back) => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
      resolve(back);
    };
    const seen = () => {
      if (!document.hidden) {
        done(true);
      }
    };
    const timer = setTimeout(done, EVERY * 1000, false);
    document.addEventListener("visibilitychange", seen);
  });
}
