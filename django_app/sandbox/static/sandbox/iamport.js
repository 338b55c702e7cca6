/* window.IMP of the sandbox: init and request_pay, as the vendor's script offers them. */
(function () {
  "use strict";

  var script = document.currentScript || document.querySelector('script[src*="/sandbox/iamport.js"]');
  var payUrl = new URL("pay/", script.src);
  var gateway = payUrl.origin;
  var korean = /^ko\b/.test(document.documentElement.lang || navigator.language || "");
  var words = korean ? { title: "결제창", close: "결제창 닫기" } : { title: "Payment window", close: "Close the payment window" };
  var GAVE_UP = "[결제포기] 사용자가 결제를 취소하셨습니다";
  var PATIENCE = 4000; // ms that the window has to answer our wish to close it
  var code = null;
  var open = false;

  function styled(element, style) {
    Object.keys(style).forEach(function (name) {
      element.style[name] = style[name];
    });
    return element;
  }

  function failure(params, errorCode, message) {
    var answer = { imp_uid: null, merchant_uid: params.merchant_uid || null, error_code: errorCode, error_msg: message };
    if (!params.channelKey) {
      answer.success = false;
    }
    return answer;
  }

  function buildOverlay() {
    var dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
    var phone = window.innerWidth < 600;
    var overlay = styled(document.createElement("div"), {
      position: "fixed", inset: "0", zIndex: "2147483000", display: "flex", alignItems: "center", justifyContent: "center",
      background: "rgba(15, 18, 22, 0.6)"
    });
    var panel = styled(document.createElement("div"), {
      position: "relative", width: phone ? "100%" : "min(480px, 100%)", height: phone ? "100%" : "min(640px, 100%)", overflow: "hidden",
      borderRadius: phone ? "0" : "20px", background: dark ? "#181C22" : "#FFFFFF", boxShadow: phone ? "none" : "0 8px 32px rgba(15, 18, 22, 0.24)"
    });
    var frame = styled(document.createElement("iframe"), { display: "block", width: "100%", height: "100%", border: "0" });
    var button = styled(document.createElement("button"), {
      position: "absolute", top: "8px", right: "8px", width: "44px", height: "44px", border: "0", borderRadius: "12px", padding: "0",
      background: "transparent", color: dark ? "#A3ADBA" : "#5B6675", font: "24px/1 sans-serif", cursor: "pointer"
    });
    overlay.setAttribute("role", "dialog");
    overlay.setAttribute("aria-modal", "true");
    overlay.setAttribute("aria-label", words.title);
    frame.title = words.title;
    frame.name = "iamport_sandbox_" + Math.random().toString(36).slice(2);
    button.type = "button";
    button.setAttribute("aria-label", words.close);
    button.textContent = "×";
    panel.append(frame, button);
    overlay.append(panel);
    return { overlay: overlay, frame: frame, button: button };
  }

  function submit(params, target) {
    var form = styled(document.createElement("form"), { display: "none" });
    form.method = "post";
    form.action = payUrl.href;
    form.target = target;
    form.acceptCharset = "utf-8";
    var values = { code: code || "", origin: window.location.origin, params: JSON.stringify(params) };
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

  function requestPay(params, callback) {
    params = Object.assign({}, params);
    var answerWith = typeof callback === "function" ? callback : function () {};
    if (open) {
      setTimeout(answerWith, 0, failure(params, "F0003", "결제창이 이미 열려 있습니다."));
      return;
    }
    open = true;
    var before = document.activeElement;
    var root = document.documentElement;
    var overflow = root.style.overflow;
    var parts = buildOverlay();
    var shown = false;
    var timer = null;

    function finish(answer) {
      if (!open) {
        return;
      }
      open = false;
      clearTimeout(timer);
      window.removeEventListener("message", onMessage);
      document.removeEventListener("keydown", onKey, true);
      document.removeEventListener("focusin", onFocus);
      parts.overlay.remove();
      root.style.overflow = overflow;
      if (before && before.focus) {
        before.focus();
      }
      answerWith(answer);
    }

    function close() {
      if (!shown) {
        finish(failure(params, "F1004", GAVE_UP));
        return;
      }
      parts.frame.contentWindow.postMessage({ iamportSandbox: true, close: true }, gateway);
      clearTimeout(timer);
      timer = setTimeout(finish, PATIENCE, failure(params, "F1004", GAVE_UP));
    }

    function onMessage(event) {
      if (event.origin !== gateway || event.source !== parts.frame.contentWindow || !event.data || !event.data.iamportSandbox) {
        return;
      }
      if (event.data.shown) {
        shown = true;
        parts.frame.focus();
      } else if (event.data.answer) {
        finish(event.data.answer);
      }
    }

    function onKey(event) {
      if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        close();
      }
    }

    function onFocus(event) {
      if (!parts.overlay.contains(event.target)) {
        parts.button.focus();
      }
    }

    window.addEventListener("message", onMessage);
    document.addEventListener("keydown", onKey, true);
    document.addEventListener("focusin", onFocus);
    parts.button.addEventListener("click", close);
    root.style.overflow = "hidden";
    document.body.append(parts.overlay);
    parts.frame.focus();
    submit(params, parts.frame.name);
  }

  window.IMP = {
    init: function (merchantCode) {
      if (code === null) {
        code = String(merchantCode);
      }
    },
    request_pay: requestPay
  };
})();
