/** Small helpers of all pages. */

/** The data that the template put into the page under `id`. */
export function data(id) {
  return JSON.parse(element(id).textContent);
}

export function element(id) {
  return document.getElementById(id);
}

/** Put `text` into the element, where it is not there yet: the same words once more would be news to a screen reader. */
export function put(node, text) {
  if (node.textContent.trim() !== text) {
    node.textContent = text;
  }
}

/** Put `text` into the element and show it; hide it where there is none. */
export function say(node, text) {
  node.textContent = text;
  node.hidden = !text;
}

/** `text` with its {placeholders} filled in. */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Show `text` at the field `name` of the form, "" for none. Returns the field, null where there is no place for it. */
export function fieldError(form, name, text, wrong = Boolean(text)) {
  const place = element(`${name}-error`);
  const input = form.elements[name];
  if (!place || !input) {
    return null;
  }
  put(place, text);
  const first = input instanceof RadioNodeList ? input[0] : input;
  if (wrong) {
    first.setAttribute("aria-invalid", "true");
  } else {
    first.removeAttribute("aria-invalid");
  }
  return first;
}

/** A signal that aborts after `ms`. AbortSignal.timeout does the same, but Safari before 16 and older WebViews lack it. */
export function timeLimit(ms) {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), ms);
  return controller.signal;
}

/**
 * This page as the server would show it now, in {page, silent}. No page where another one would come: the session ended.
 * silent: nobody could tell, for want of a connection or because the server is busy or closed; what we show is all there is.
 */
export async function fresh() {
  try {
    const answer = await fetch(location.href, { cache: "no-store", signal: timeLimit(20_000) });
    if (answer.status === 429 || answer.status >= 500) {
      return { page: null, silent: true };
    }
    const text = await answer.text();
    const ours = answer.ok && !answer.redirected;
    return { page: ours ? new DOMParser().parseFromString(text, "text/html") : null, silent: false };
  } catch {
    return { page: null, silent: true };
  }
}

/** Put the part `id` of a fresh page in the place of ours. False where it has none, or is another reader's or in another language. */
export function swap(page, id) {
  const part = page?.getElementById(id);
  const reader = (whole) => `${whole.documentElement.lang} ${whole.querySelector("[data-member]")?.dataset.member}`;
  if (!part || reader(page) !== reader(document)) {
    return false;
  }
  element(id).replaceWith(document.adoptNode(part));
  return true;
}
