// Sends a form by script and shows in the page how it went.

import { Refusal } from "./api.js";
import { find } from "./page.js";

/** Which field a refusal is about, by errCode. */
const BLAMED = new Map([
  ["3", "username"],
  ["4", "username"],
  ["5", "password"],
]);

/**
 * Lengths in code points. They only choose the field that gets the focus: what may be sent is the
 * server's to decide.
 */
const LENGTHS = new Map([
  ["username", { min: 4, max: 13 }],
  ["password", { min: 4, max: 13 }],
  ["nickname", { min: 1, max: 8 }],
]);

/**
 * Have `form` sent by `send`, with its button disabled meanwhile. A refusal is shown in the
 * page's alert, which moves to the form, and the focus goes to the field to be corrected.
 *
 * @param {HTMLFormElement} form
 * @param {object} how
 * @param {(fields: FormData) => Promise<string>} how.send resolves to what people are told, or
 *   stays pending where it leads to another page
 * @param {string} how.rules what people are told on "6", which says only that something is wrong
 */
export function sendByScript(form, { send, rules }) {
  const button = find("button[type=submit]", HTMLButtonElement, form);
  // Firefox keeps a disabled button disabled over a reload.
  button.disabled = false;
  // What is missing is for the server to say: a browser's own check comes only without scripts.
  form.noValidate = true;
  form.addEventListener("input", ({ target }) => {
    if (target instanceof Element) target.removeAttribute("aria-invalid");
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const fields = new FormData(form);
    clear(form);
    button.disabled = true;
    form.ariaBusy = "true";
    try {
      say(form, await send(fields));
    } catch (error) {
      refuse(form, error, rules);
    } finally {
      button.disabled = false;
      form.ariaBusy = null;
      // Disabling the button took the focus from it.
      if (document.activeElement === document.body) button.focus();
    }
  });
}

/**
 * Let a checkbox show the password while it is typed. It is hidden again when it is sent, since
 * password managers know a password by the type of its field.
 *
 * @param {HTMLFormElement} form
 */
export function offerReveal(form) {
  const box = find("#reveal", HTMLInputElement, form);
  const password = find("[name=password]", HTMLInputElement, form);
  const follow = () => {
    password.type = box.checked ? "text" : "password";
  };
  const hide = () => {
    box.checked = false;
    follow();
  };
  hide();
  box.addEventListener("change", follow);
  form.addEventListener("submit", hide);
}

/**
 * Show in the page's only alert why something did not work, at the end of `place`.
 *
 * @param {Element} place
 * @param {unknown} error
 * @param {string} [rules]
 */
export function refuse(place, error, rules) {
  const alert = find("[role=alert]", HTMLElement);
  place.append(alert);
  if (!(error instanceof Refusal)) {
    alert.textContent = "This page has a fault. Please reload it, then try again.";
    alert.focus();
    throw error;
  }
  alert.textContent = error.code === "6" && rules ? rules : error.message;
  const field = blamed(place, error);
  if (!field) return alert.focus();
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-errormessage", alert.id);
  field.focus();
}

/** @param {HTMLFormElement} form */
function clear(form) {
  find("[role=alert]", HTMLElement).textContent = "";
  say(form, "");
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
  }
}

/**
 * @param {HTMLFormElement} form
 * @param {string} sentence
 */
function say(form, sentence) {
  const status = form.querySelector("[role=status]");
  if (status) status.textContent = sentence;
}

/**
 * @param {Element} place
 * @param {Refusal} refusal
 */
function blamed(place, { code = "", field: name = BLAMED.get(code) }) {
  /** @type {HTMLInputElement[]} */
  const fields = [...place.querySelectorAll("input[name]")].filter(
    (field) => field instanceof HTMLInputElement,
  );
  if (code === "6") return fields.find(hasWrongLength) ?? fields[0];
  return fields.find((field) => field.name === name);
}

/** @param {HTMLInputElement} field */
function hasWrongLength(field) {
  const length = [...field.value.normalize("NFC")].length;
  const limits = LENGTHS.get(field.name);
  return limits !== undefined && (length < limits.min || length > limits.max);
}
