/** The amount field: digits with separators while typing. What may be charged is the server's business. */

const LONGEST = 11; // digits

/** The ASCII digits of what was typed: separators and units are dropped, full-width digits become plain ones, decimals are cut off. */
export function digitsOf(text) {
  return text
    .normalize("NFKC")
    .replace(/\..*$/s, "")
    .replace(/[^0-9]/g, "")
    .replace(/^0+/, "")
    .slice(0, LONGEST);
}

/** "1234567" or 1234567 as "1,234,567"; the sign stays. */
export function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** Format `input` as it is typed into, with the caret behind the same digit as before. Calls `onChange` with the digits. */
export function keepGrouped(input, onChange) {
  const format = () => {
    const before = digitsOf(input.value.slice(0, input.selectionStart)).length;
    const digits = digitsOf(input.value);
    // A dot stays while it is typed: without it, the zeros of "10000.00" would become hundreds.
    const dot = input.value.search(/[.．]/);
    const text = grouped(digits) + (dot < 0 ? "" : input.value.slice(dot));
    if (text !== input.value) {
      input.value = text;
      let caret = 0;
      for (let seen = 0; seen < Math.min(before, digits.length); caret += 1) {
        seen += text[caret] === "," ? 0 : 1;
      }
      if (document.activeElement === input) {
        input.setSelectionRange(caret, caret);
      }
    }
    onChange(digits);
  };
  input.addEventListener("input", (event) => {
    if (!event.isComposing) {
      format();
    }
  });
  input.addEventListener("compositionend", format);
  input.addEventListener("blur", () => {
    input.value = grouped(digitsOf(input.value));
  });
}
