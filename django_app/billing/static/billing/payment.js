/** The page of one payment: while its outcome is open, ask now and then and show the page anew when something changed. */

import { get, pause } from "./api.js";
import { data, element, say } from "./page.js";

const DELAYS = [3, 4, 6, 8, 12, 15]; // s, then always the last
const QUESTIONS = 60; // then the page rests until it is looked at again

const config = data("payment-config");
const shown = { state: data("shown-state"), status: data("shown-status"), cancelAmount: data("shown-cancel-amount") };

function changed({ status, body }) {
  if (status === 401) {
    return true; // the page itself leads to login and back
  }
  if (status === 409) {
    return shown.state !== "returning";
  }
  if (status !== 200) {
    return false;
  }
  const accountArrived = shown.state === "checking" && Boolean(body.next);
  return body.status !== shown.status || body.cancel_amount !== shown.cancelAmount || accountArrived;
}

let asking = false;

async function poll() {
  if (asking) {
    return;
  }
  asking = true;
  for (let question = 0; question < QUESTIONS && !document.hidden; question += 1) {
    await pause(DELAYS[Math.min(question, DELAYS.length - 1)]);
    if (!document.hidden && changed(await get(config.status_url))) {
      location.reload();
      return;
    }
  }
  asking = false;
}

if (config.poll) {
  poll();
  document.addEventListener("visibilitychange", poll);
}

const copy = element("copy");
if (copy && navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(element("account-number").textContent.trim());
    say(element("copied"), config.texts.copied);
  });
}

addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.reload();
  }
});
