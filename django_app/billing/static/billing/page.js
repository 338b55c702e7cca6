/** Small helpers of both pages. */

/** The data that the template put into the page under `id`. */
export function data(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

export function element(id) {
  return document.getElementById(id);
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
