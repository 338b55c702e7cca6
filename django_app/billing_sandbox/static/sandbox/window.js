/* The payment window and its result page. Data comes in the page's JSON block. */
(function () {
  "use strict";

  var page = JSON.parse(document.getElementById("page").textContent);
  var opener = window.parent !== window ? window.parent : page.road === "popup" ? window.opener : null;
  var sent = false;

  function tell(message) {
    if (opener) {
      message.iamportSandbox = true;
      opener.postMessage(message, page.target);
    }
  }

  function ready() {
    sent = false;
    document.body.removeAttribute("aria-busy");
  }

  function close() {
    var form = document.getElementById("choices");
    if (form && !sent) {
      form.requestSubmit(document.getElementById("close"));
    }
  }

  // One choice only; forms that open another tab leave this window as it is.
  document.addEventListener("submit", function (event) {
    if (event.target.target === "_blank") {
      return;
    }
    if (sent) {
      event.preventDefault();
    }
    sent = true;
    document.body.setAttribute("aria-busy", "true");
  });

  var all = document.getElementById("agree-all");
  var terms = [...document.querySelectorAll(".term input")];
  if (all) {
    var agree = function () {
      terms.forEach(function (term) {
        term.checked = all.checked;
      });
    };
    all.addEventListener("change", agree);
    if (all.checked) { // by somebody who was faster than this script
      agree();
    }
    terms.forEach(function (term) {
      term.addEventListener("change", function () {
        all.checked = terms.every(function (one) {
          return one.checked;
        });
      });
    });
  }

  var strip = document.getElementById("strip");
  if (strip) {
    strip.addEventListener("toggle", function () {
      if (strip.open) {
        strip.scrollIntoView({ block: "end" });
      }
    });
  }

  if (page.silent) {
    tell({ silent: true });
  } else if (page.go) {
    tell({ go: page.go });
  } else if (page.answer) {
    tell({ answer: page.answer });
  } else {
    document.addEventListener("keydown", function (event) {
      if (event.key === "Escape") {
        close();
      }
    });
    window.addEventListener("message", function (event) {
      var ours = opener && event.source === opener && (page.target === "*" || event.origin === page.target);
      if (ours && event.data && event.data.iamportSandbox && event.data.close) {
        close();
      }
    });
    window.addEventListener("pageshow", ready); // back from the cache of pages
    tell({ shown: page.imp_uid });
  }
})();
