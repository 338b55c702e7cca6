/** Choosing: amount, method, telephone, consent. What the server would refuse is said at once; the server decides. */

import { digitsOf, grouped, keepGrouped } from "./amount.js";
import { data, element, fieldError, fill, put } from "./page.js";

const form = element("charge");
const amount = element("amount");
const agree = element("agree");
const phone = element("buyer_tel");
const next = document.querySelector(".switches [name=next]"); // where the choice of a language leads

/** The amount in digits, "" where there is none. */
export function chosenAmount() {
  return digitsOf(amount.value);
}

/** This page's address with what was chosen, for coming back to it. No personal data. */
export function here() {
  const query = new URLSearchParams({ amount: chosenAmount(), pay_method: form.elements.pay_method.value });
  return `${location.pathname}?${query}`;
}

/** What is sent to the server. A field that is not asked is not sent; consent is always said, yes or no. */
export function fields() {
  const found = Object.fromEntries(new FormData(form));
  return { ...found, amount: chosenAmount(), agree: String(agree.checked) };
}

/** Make the form say what is wrong while it is filled in, and what will happen. */
export function chooser(config) {
  const { texts } = config;
  const method = () => form.elements.pay_method.value;
  const asked = () => phone && !config.no_phone.includes(method());

  function amountFault(digits, whole) {
    const number = Number(digits);
    if (number > config.max) {
      return fill(texts.amount_max, { amount: grouped(config.max) });
    }
    if (!whole) {
      return "";
    }
    if (!digits) {
      return texts.amount_missing;
    }
    if (number < config.min) {
      return fill(texts.amount_min, { amount: grouped(config.min) });
    }
    return number % config.step ? fill(texts.amount_step, { amount: grouped(config.step) }) : "";
  }

  function show() {
    const digits = chosenAmount();
    const later = method() === "vbank";
    const words = { amount: grouped(digits), points: grouped(digits) };
    put(element("exchange"), digits ? fill(later ? texts.exchange_later : texts.exchange, words) : texts.choose);
    put(element("after"), grouped(data("balance") + Number(digits)));
    put(element("pay-label"), digits ? fill(later ? texts.get_account : texts.pay_amount, words) : texts.pay);
    put(element("method-help"), texts[`method_${method()}`] ?? "");
    put(element("phone-asked"), asked() ? texts.phone_asked : "");
    element("clear").hidden = !digits;
    if (next) {
      next.value = here();
    }
    if (phone) {
      element("phone").hidden = !asked();
      phone.disabled = !asked();
    }
  }

  function set(number) {
    const capped = Math.min(number, config.max);
    amount.value = grouped(capped || "");
    show();
    // Not wrong, but not what was added either.
    fieldError(form, "amount", capped < number ? amountFault(number, false) : "", false);
  }

  /** Whether all is well; else every fault is shown, and the first field has the focus. */
  function check() {
    const wrong = [
      fault("amount", amountFault(chosenAmount(), true)),
      fault("buyer_tel", asked() && !phone.value.trim() ? texts.phone_missing : ""),
      fault("agree", agree.checked ? "" : texts.agree_missing),
    ].find(Boolean);
    wrong?.focus();
    return !wrong;
  }

  function fault(name, text) {
    const field = fieldError(form, name, text);
    return text ? field : null;
  }

  /** Show the server's errors, {name: [text]}; returns the first field that has one. */
  function refuse(errors) {
    return Object.entries(errors)
      .map(([name, words]) => fault(name, words.join(" ")))
      .find(Boolean);
  }

  keepGrouped(amount, (digits) => {
    show();
    fieldError(form, "amount", amountFault(digits, false));
  });
  amount.addEventListener("change", () => fieldError(form, "amount", amountFault(chosenAmount(), Boolean(chosenAmount()))));
  for (const chip of form.querySelectorAll(".chip")) {
    chip.addEventListener("click", () => set(Number(chosenAmount()) + Number(chip.value)));
  }
  element("clear").addEventListener("click", () => {
    set(0);
    amount.focus();
  });
  form.addEventListener("change", ({ target }) => {
    if (target.name !== "amount") {
      fieldError(form, target.name, "");
      show();
    }
  });
  phone?.addEventListener("input", () => fieldError(form, "buyer_tel", ""));
  amount.value = grouped(chosenAmount());
  return { show, check, refuse };
}
