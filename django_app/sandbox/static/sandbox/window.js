/* The payment window and its result page. Data comes in the page's JSON block. */
(function () {
  "use strict";

  var page = JSON.parse(document.getElementById("page").textContent);
  var form = document.getElementById("choices");
  var framed = window.parent !== window;

  function tell(message) {
    if (framed) {
      message.iamportSandbox = true;
      window.parent.postMessage(message, page.target);
    }
  }

  if (page.answer) {
    tell({ answer: page.answer });
    return;
  }
  if (!form) {
    return;
  }

  var sent = false;
  form.addEventListener("submit", function (event) {
    if (sent) {
      event.preventDefault();
    }
    sent = true;
    form.setAttribute("aria-busy", "true");
  });

  function close() {
    if (!sent) {
      form.requestSubmit(document.getElementById("close"));
    }
  }

  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") {
      close();
    }
  });
  window.addEventListener("message", function (event) {
    var ours = event.source === window.parent && (page.target === "*" || event.origin === page.target);
    if (framed && ours && event.data && event.data.iamportSandbox && event.data.close) {
      close();
    }
  });
  window.addEventListener("pageshow", function () {
    sent = false; // back from the cache of pages
    form.removeAttribute("aria-busy");
  });
  tell({ shown: true });
})();
