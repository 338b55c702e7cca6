/** The payment service's script. It comes from another host and may not arrive; then trying again must be possible. */

const TIME_LIMIT = 20_000; // ms
const SILENCE = 1500; // ms after a refused pop-up in which the script may still answer or find another way

let loading = null;

/** Resolves to window.IMP, set up for this shop; rejects where the script did not come. A call after that tries again. */
export function loadSdk(url, impCode) {
  loading ??= load(url, impCode).catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

async function load(url, impCode) {
  if (!window.IMP) {
    await new Promise((resolve, reject) => {
      const script = document.createElement("script");
      setTimeout(reject, TIME_LIMIT, new Error("time is over"));
      script.onload = resolve;
      script.onerror = () => reject(new Error("not loaded"));
      script.src = url;
      document.head.append(script);
    });
  }
  window.IMP.init(impCode); // throws where the script came and was not what it should be
  return window.IMP;
}

/**
 * IMP.request_pay. `callback` gets its answer. `onBlocked` is called instead where the browser refused a pop-up: it allows one only
 * for a moment after a click, and asking our server may have taken longer. The same request may then be made again.
 */
export function requestPay(IMP, request, callback, onBlocked) {
  const open = window.open;
  let refused = false;
  let told = false;
  const watched = (...given) => {
    const made = open.apply(window, given);
    refused = !made;
    return made;
  };
  const blocked = () => {
    if (refused && !told) {
      told = true;
      onBlocked();
    }
  };
  const done = (answer) => {
    if (refused && !answer?.imp_uid) {
      blocked();
    } else {
      callback(answer);
    }
  };
  window.open = watched;
  try {
    IMP.request_pay(request, done);
  } catch {
    done({ success: false });
  }
  setTimeout(() => {
    if (window.open === watched) {
      window.open = open;
    }
    blocked();
  }, SILENCE);
}
