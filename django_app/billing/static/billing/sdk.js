/** The payment service's script. It comes from another host and may not arrive; then trying again must be possible. */

const TIME_LIMIT = 20_000; // ms

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
