/** Keeps the panel's parts live: asks for them every few seconds, more rarely while nothing moves or nobody looks. */

const SOONEST = 2; // s between questions
const LONGEST = 10; // s, while nothing moves
const LONGEST_SILENCE = 30; // s, while no answer comes
const TIME_LIMIT = 10_000; // ms

const url = document.querySelector("[data-live]").dataset.live;
const pulse = document.getElementById("pulse");
const places = new Map([...document.querySelectorAll("[data-part]")].map((place) => [place.dataset.part, place]));
const shown = new Map();
let wait = SOONEST;
let timer = null;

/** Whether a part changed. What the reader is working in stays until they leave it. */
function put(name, html) {
  const place = places.get(name);
  if (!place || shown.get(name) === html || place.contains(document.activeElement)) {
    return false;
  }
  const first = !shown.has(name);
  shown.set(name, html);
  if (!first || place.innerHTML.trim() !== html.trim()) {
    place.innerHTML = html; // our own server's template, escaped there
  }
  return !first;
}

async function look() {
  try {
    const response = await fetch(url, { cache: "no-store", headers: { Accept: "application/json" }, signal: AbortSignal.timeout(TIME_LIMIT) });
    if (!response.ok) {
      throw new Error(String(response.status));
    }
    const { parts } = await response.json();
    const moved = Object.entries(parts).map(([name, html]) => put(name, html));
    wait = moved.includes(true) ? SOONEST : Math.min(wait * 1.25, LONGEST);
    pulse.textContent = pulse.dataset.on;
    pulse.className = "muted on";
  } catch {
    wait = Math.min(wait * 2, LONGEST_SILENCE);
    pulse.textContent = pulse.dataset.off;
    pulse.className = "muted off";
  }
  again();
}

function again() {
  clearTimeout(timer);
  if (!document.hidden) {
    timer = setTimeout(look, wait * 1000);
  }
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) {
    wait = SOONEST;
    clearTimeout(timer);
    look();
  }
});
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    look();
  }
});
look();
