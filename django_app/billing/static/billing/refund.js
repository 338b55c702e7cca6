/** The member's own refund: a step of its own that says what will happen, then how it went. It is asked for once, never again by itself. */

import { pause, post } from "./api.js";
import { element, fieldError, say } from "./page.js";

const TIME_LIMIT = 75_000; // ms; a cancel at the gateway may take a minute
const LOOKS = [2, 3, 5, 10, 15, 15, 15]; // s between questions after the connection was lost

/** Make the step work. `look(focus)` asks whether the payment changed, `renew(focus)` shows it as it is now. */
export function enlivenRefund(config, look, renew) {
  const dialog = element("refund");
  if (!dialog) {
    return;
  }
  const form = element("refund-form");
  const label = element("refund-label");
  const words = label.textContent;
  const open = element("refund-open");
  let busy = false;

  function work(text) {
    busy = Boolean(text);
    element("refund-spinner").hidden = !busy;
    label.textContent = text || words;
    element("refund-go").setAttribute("aria-disabled", String(busy));
    element("refund-close").hidden = busy;
  }

  function notice(text, quote = "") {
    element("refund-notice").hidden = !text;
    say(element("refund-notice-text"), text);
    say(element("refund-notice-quote"), quote);
  }

  async function over() {
    busy = false;
    dialog.close();
    await renew(true);
  }

  async function ask() {
    work(config.texts.refunding);
    notice("");
    for (const field of form.elements) {
      fieldError(form, field.name, "");
    }
    const fields = Object.fromEntries(new FormData(form));
    const answer = await post(config.cancel_url, fields, fields.csrfmiddlewaretoken, TIME_LIMIT);
    const gone = !dialog.isConnected; // closed meanwhile and replaced: the page tells what became of it
    if (gone || answer.status === 200 || answer.status === 202) {
      await over();
    } else if (answer.status === 401) {
      location.assign(config.login_url);
    } else if (answer.status === 0 || answer.status >= 500) {
      await afterSilence();
    } else {
      refused(answer);
    }
  }

  /** The server said no: nothing moved, or all is as it was before. */
  function refused({ status, body }) {
    work("");
    const wrong = Object.entries(body.fields ?? {})
      .map(([name, texts]) => fieldError(form, name, texts.join(" ")))
      .find(Boolean);
    if (wrong) {
      wrong.focus();
      return;
    }
    if (status === 409) {
      renew(); // what the page shows is not how things stand
    }
    notice(body.error?.message || config.texts.no_answer, body.gateway_message);
    element("refund-close").focus();
  }

  /** No answer came. Whether it began is asked; it is not asked for again. */
  async function afterSilence() {
    work(config.texts.refund_checking);
    let seen = null;
    for (const seconds of LOOKS) {
      await pause(seconds);
      seen = await look(true);
      if (seen || !dialog.isConnected) {
        await over();
        return;
      }
    }
    work("");
    notice(seen === null ? config.texts.refund_unknown : config.texts.refund_not_begun);
  }

  open.onclick = () => {
    dialog.showModal();
    element("refund-title").focus();
  };
  element("refund-close").onclick = () => dialog.close();
  dialog.addEventListener("cancel", (event) => {
    if (busy) {
      event.preventDefault();
    }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!busy) {
      ask();
    }
  });
}
