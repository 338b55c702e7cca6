/*
 * window.IMP of the sandbox, as the vendor's script offers it. Which road a payment takes is decided here:
 * a frame (or with popup: true a window) that answers the callback, or on phones the page itself goes and comes back to m_redirect_url.
 */
(function () {
  "use strict";

  var script = /** @type {HTMLScriptElement} */ (document.currentScript || document.querySelector('script[src*="/sandbox/iamport.js"]'));
  var base = new URL(".", script.src);
  var gateway = base.origin;
  var phone = /Android|iPhone|iPad|iPod|Mobi/i.test(navigator.userAgent);
  var ANSWERS_EVERYWHERE = ["danal", "danal_tpay", "payco", "eximbay"]; // never leave the page, on phones neither
  var PATIENCE = 4000; // ms that the window has to answer our wish to close it
  var GAVE_UP = "[결제포기] 사용자가 결제를 취소하셨습니다";
  var WORDS = {
    ko: { title: "결제창", close: "결제창 닫기" },
    en: { title: "Payment window", close: "Close the payment window" }
  };
  var code = null;
  var tier = "";
  var open = false;

  /** @param {"info" | "warn" | "error"} level */
  function tell(level, text) {
    console[level]("[IMP sandbox] " + text);
  }

  function words(params) {
    var language = params.language || document.documentElement.lang || navigator.language || "";
    return /^ko\b/.test(language) ? WORDS.ko : WORDS.en;
  }

  // -- answers ------------------------------------------------------------------------------------------------------------

  /** Neither success nor anything else but ids and error where a channelKey was given. */
  function failure(params, errorCode, message, impUid) {
    var answer = { imp_uid: impUid || null, merchant_uid: params.merchant_uid || null, error_code: errorCode, error_msg: message };
    return params.channelKey ? answer : Object.assign({ success: false }, answer);
  }

  /** To the callback; what was refused before it began goes to m_redirect_url where there is none. */
  function deliver(params, callback, answer) {
    var refused = !answer.imp_uid && answer.error_msg;
    if (refused) {
      tell("error", answer.error_msg + " (" + answer.error_code + ")");
    }
    if (callback) {
      callback(answer);
    } else if (refused && /^https?:\/\//.test(params.m_redirect_url)) {
      location.assign(returnAddress(params, answer));
    }
  }

  /** The address's own query stays, ours is appended. */
  function returnAddress(params, answer) {
    var parts = params.m_redirect_url.split("#");
    var query = new URLSearchParams({ merchant_uid: answer.merchant_uid || "", error_code: answer.error_code, error_msg: answer.error_msg });
    if (!params.channelKey) {
      query.set("imp_success", "false");
    }
    parts[0] += (parts[0].indexOf("?") < 0 ? "?" : "&") + query;
    return parts.join("#");
  }

  // -- where the window stands ----------------------------------------------------------------------------------------------

  function road(params) {
    var pg = String(params.pg || "").split(".")[0];
    if (params.popup === true) {
      return "popup";
    }
    if (pg === "naverpay" && typeof params.naverPopupMode === "boolean") {
      return params.naverPopupMode ? "popup" : "redirect";
    }
    if (ANSWERS_EVERYWHERE.indexOf(pg) >= 0) {
      return "frame";
    }
    return phone || pg === "paypal" ? "redirect" : "frame";
  }

  function styled(element, style) {
    Object.keys(style).forEach(function (name) {
      element.style[name] = style[name];
    });
    return element;
  }

  function uniqueName() {
    return "iamport_sandbox_" + Math.random().toString(36).slice(2);
  }

  /** A dialog over the page. `close` is called when the payer wants to leave. */
  function buildFrame(texts, close) {
    var dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
    var small = window.innerWidth < 600;
    var before = /** @type {HTMLElement} */ (document.activeElement);
    var root = document.documentElement;
    var overflow = root.style.overflow;
    var overlay = styled(document.createElement("div"), {
      position: "fixed", inset: "0", zIndex: "2147483000", display: "flex", alignItems: "center", justifyContent: "center",
      background: "rgba(15, 18, 22, 0.6)"
    });
    var panel = styled(document.createElement("div"), {
      position: "relative", width: small ? "100%" : "min(480px, 100%)", height: small ? "100%" : "min(720px, 100%)", overflow: "hidden",
      borderRadius: small ? "0" : "20px", background: dark ? "#181C22" : "#FFFFFF", boxShadow: small ? "none" : "0 8px 32px rgba(15, 18, 22, 0.24)"
    });
    var frame = styled(document.createElement("iframe"), { display: "block", width: "100%", height: "100%", border: "0" });
    var button = styled(document.createElement("button"), {
      position: "absolute", top: "6px", right: "8px", width: "44px", height: "44px", border: "0", borderRadius: "12px", padding: "0",
      background: "transparent", color: dark ? "#A3ADBA" : "#5B6675", font: "24px/1 sans-serif", cursor: "pointer"
    });
    overlay.setAttribute("role", "dialog");
    overlay.setAttribute("aria-modal", "true");
    overlay.setAttribute("aria-label", texts.title);
    frame.title = texts.title;
    frame.name = uniqueName();
    button.type = "button";
    button.setAttribute("aria-label", texts.close);
    button.textContent = "×";
    panel.append(frame, button);
    overlay.append(panel);

    function onKey(event) {
      if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        close();
      }
    }
    function onFocus(event) {
      if (!overlay.contains(event.target)) {
        button.focus();
      }
    }
    document.addEventListener("keydown", onKey, true);
    document.addEventListener("focusin", onFocus);
    button.addEventListener("click", close);
    root.style.overflow = "hidden";
    document.body.append(overlay);
    frame.focus();
    return {
      name: frame.name,
      target: function () { return frame.contentWindow; },
      shown: function () { // the document that came last, not the empty one of before
        frame.blur();
        frame.focus();
        frame.contentWindow.focus();
      },
      remove: function () {
        document.removeEventListener("keydown", onKey, true);
        document.removeEventListener("focusin", onFocus);
        overlay.remove();
        root.style.overflow = overflow;
        if (before && before.focus) {
          before.focus();
        }
      }
    };
  }

  /** A window of its own, null where the browser forbids it. `gone` is called when the payer closed it. */
  function buildPopup(gone) {
    var name = uniqueName();
    const popup = window.open("", name, "popup,width=480,height=720");
    if (!popup) {
      return null;
    }
    var seen = 0;
    var timer = setInterval(function () {
      seen += popup.closed ? 1 : 0;
      if (seen > 1) { // its last message had time to arrive
        gone();
      }
    }, 300);
    return {
      name: name,
      target: function () { return popup; },
      shown: function () {},
      remove: function () {
        clearInterval(timer);
        popup.close();
      }
    };
  }

  function submit(path, values, target) {
    var form = styled(document.createElement("form"), { display: "none" });
    form.method = "post";
    form.action = new URL(path, base).href;
    form.target = target;
    form.acceptCharset = "utf-8";
    Object.keys(values).forEach(function (name) {
      var input = document.createElement("input");
      input.type = "hidden";
      input.name = name;
      input.value = values[name];
      form.append(input);
    });
    document.body.append(form);
    HTMLFormElement.prototype.submit.call(form);
    form.remove();
  }

  // -- one visit --------------------------------------------------------------------------------------------------------------

  /** path: "pay/" or "certification/". The callback is called at most once, and never before this returns. */
  function begin(path, given, callback) {
    var params = Object.assign({}, given);
    var answerWith = typeof callback === "function" ? callback : null;
    var way = road(params);
    var impUid = null; // known once the window shows
    var silent = false; // the payer vanished: nobody is told
    var place = null;
    var timer = null;

    function refuse(errorCode, message) {
      setTimeout(deliver, 0, params, answerWith, failure(params, errorCode, message));
    }

    function finish(answer) {
      if (!place) {
        return;
      }
      clearTimeout(timer);
      window.removeEventListener("message", onMessage);
      window.removeEventListener("pagehide", leave);
      place.remove();
      place = null;
      open = false;
      if (answer) {
        deliver(params, answerWith, answer);
      }
    }

    function abandoned() {
      finish(silent ? null : failure(params, "F1004", GAVE_UP, impUid));
    }

    function leave() {
      finish(null);
    }

    function close() {
      if (!impUid || silent) {
        abandoned();
        return;
      }
      place.target().postMessage({ iamportSandbox: true, close: true }, gateway);
      clearTimeout(timer);
      timer = setTimeout(abandoned, PATIENCE);
    }

    function onMessage(event) {
      if (event.origin !== gateway || event.source !== place.target() || !event.data || !event.data.iamportSandbox) {
        return;
      }
      if (event.data.shown) {
        impUid = event.data.shown;
        place.shown();
      } else if (event.data.silent) {
        silent = true;
        clearTimeout(timer);
      } else if (event.data.go) {
        location.assign(new URL(event.data.go, base).href);
      } else if (event.data.answer) {
        finish(event.data.answer);
      }
    }

    if (given === null || typeof given !== "object") {
      refuse("F0002", "결제 요청 파라미터가 올바르지 않습니다.");
      return;
    }
    if (open) {
      refuse("F0003", "결제창이 이미 열려 있습니다.");
      return;
    }
    if (code === null) {
      tell("error", "IMP.init(…) comes first.");
    }
    place = way === "popup" ? buildPopup(abandoned) : buildFrame(words(params), close);
    if (!place) {
      refuse("F0004", "팝업이 차단되어 결제창을 열 수 없습니다.");
      return;
    }
    open = true;
    window.addEventListener("message", onMessage);
    window.addEventListener("pagehide", leave);
    submit(path, { code: code || "", tier: tier, origin: location.origin, road: way, params: JSON.stringify(params) }, place.name);
  }

  // -- window.IMP ---------------------------------------------------------------------------------------------------------------

  /** Once: what comes later and differs is not taken. */
  function settle(merchantCode, tierCode) {
    if (typeof merchantCode !== "string" || !merchantCode) {
      tell("error", "the merchant identification code is missing.");
    } else if (code === null) {
      code = merchantCode;
      tier = tierCode;
    } else if (code !== merchantCode || tier !== tierCode) {
      tell("warn", "already set up for " + code + "; " + merchantCode + " is not taken.");
    }
  }

  var IMP = {
    /** @param {string} merchantCode */
    init: function (merchantCode) {
      settle(merchantCode, "");
    },
    /** Sets up for a sub-merchant. @param {string} merchantCode @param {string} tierCode three characters */
    agency: function (merchantCode, tierCode) {
      if (!/^[A-Za-z0-9]{3}$/.test(tierCode)) {
        tell("error", "a tier code has three characters.");
        return;
      }
      settle(merchantCode, tierCode);
    },
    // The space keeps Django's storages, which rewrite imports, from taking the type for a file.
    /** @type {import( "iamport-typings/src").default["request_pay"]} */
    request_pay: function (params, callback) {
      begin("pay/", params, callback);
    },
    /** Identity verification. @param {object} params @param {(answer: object) => void} [callback] */
    certification: function (params, callback) {
      begin("certification/", params, callback);
    },
    /** PayPal's buttons and the like, which the sandbox does not draw. @param {string} name */
    loadUI: function (name) {
      tell("info", "loadUI(" + name + ") draws nothing here; use request_pay.");
    },
    /** @param {string} name */
    loadModule: function (name) {
      tell("info", "loadModule(" + name + ") loads nothing here; nothing is missing.");
    }
  };
  window.IMP = IMP;
})();
