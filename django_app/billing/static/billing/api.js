/**
 * Requests to our own server. Every answer is {status, body, wait}:
 * status 0 where no usable answer came, body an object, wait the seconds the server asks us to wait.
 */

import { timeLimit } from "./page.js";

const TIME_LIMIT = 25_000; // ms; the server gives up on the gateway sooner
const DELAYS = [1, 2, 4, 8, 15]; // s between the tries of insist()
const LONGEST_WAIT = 60; // s; a payer is not kept waiting longer than this for one more try

async function ask(url, options, limit = TIME_LIMIT) {
  let response;
  let body;
  try {
    response = await fetch(url, { cache: "no-store", signal: timeLimit(limit), ...options });
    body = await response.json();
  } catch {
    body = null; // no connection, time over, or not JSON
  }
  const understood = body !== null && typeof body === "object";
  const status = response === undefined || (response.ok && !understood) ? 0 : response.status;
  return { status, body: understood ? body : {}, wait: Number(response?.headers.get("Retry-After")) || 0 };
}

/** GET as JSON. */
export function get(url) {
  return ask(url, { headers: { Accept: "application/json" } });
}

/** POST `fields` as a form, with the token in it: a project may have renamed the header. limit: ms to wait for the answer. */
export function post(url, fields, csrfToken, limit) {
  const headers = { Accept: "application/json", "X-CSRFToken": csrfToken };
  const body = new URLSearchParams(fields);
  body.set("csrfmiddlewaretoken", csrfToken);
  return ask(url, { method: "POST", headers, body }, limit);
}

/** Wait; where the browser is offline, no longer than until it is back. */
export function pause(seconds) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      resolve();
    };
    const timer = setTimeout(done, seconds * 1000);
    addEventListener("online", done);
  });
}

/**
 * Ask until an answer comes that asking again would not change. For questions only, never for what starts something.
 * Returns null when all tries are used up. `onWait` is called before each further try.
 */
export async function insist(request, onWait = () => {}) {
  for (const delay of [...DELAYS, Infinity]) {
    const answer = await request();
    const again = answer.status === 0 || answer.status === 429 || answer.status >= 500;
    if (!again) {
      return answer;
    }
    const wait = Math.max(delay, answer.wait);
    if (wait > LONGEST_WAIT) {
      break;
    }
    onWait();
    await pause(wait);
  }
  return null;
}
