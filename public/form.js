// Sends a form by script and shows the result in the page.

import { find } from "./page.js";

/** @import { DeclaredError } from "./api.js" */
/** @import { CommonError, OwnError } from "./call-api.js" */

/**
 * Why something failed: the error of the API, or a mistake that the page itself finds in a field.
 *
 * @typedef {{ tag: DeclaredError | CommonError | OwnError, detail?: string }} ApiFailure
 * @typedef {{ tag: "OtherAccount" }} OtherAccount
 * @typedef {{ tag: "Incomplete", detail: string, field: string }} Incomplete
 * @typedef {ApiFailure | OtherAccount | Incomplete} Failure
 */

/**
 * The text for each failure.
 *
 * @type {Readonly<Record<(ApiFailure | OtherAccount)["tag"], string>>}
 */
const SENTENCES = {
  ServerError:
    "Something went wrong on our side, or it is very busy. Please try again in a moment.",
  DataBaseError: "The accounts cannot be reached at the moment. Please try again in a moment.",
  InvalidSessionError: "Your session has ended. Please sign in again.",
  UserExistedError: "This username is taken. Please choose another one.",
  UserNotExistError:
    "There is no account with this username. Check its spelling and capitals, or sign up.",
  PasswordError: "This is not the password of this account. Please type it again; capitals count.",
  InvalidParamsError: "The server does not take this as it is. Please check what you entered.",
  WrongAddress:
    "The server does not know {detail} as its own address, so it did nothing. Please use the " +
    "address that you were given, or tell the people who run this service.",
  OtherAccount:
    "Another account has signed in in this browser since this page was loaded, so nothing was " +
    "saved. Please reload this page to see that account.",
  TooOften: "That was too often in a short time. Please wait {detail}, then try again.",
  TooSlow: "The server took too long to answer. Please try again in a moment.",
  Unreachable: "The server cannot be reached. Check your connection, then try again.",
  NotUnderstood: "The server's answer was not understood ({detail}). Please try again in a moment.",
};

/**
 * The field to correct after an error.
 *
 * @type {ReadonlyMap<string, string>}
 */
const FIELD_BY_ERROR = new Map([
  ["UserExistedError", "username"],
  ["UserNotExistError", "username"],
  ["PasswordError", "password"],
]);

/**
 * Send the form by `send`, with its button disabled until that ends. The page's alert moves to the
 * form and shows a failure, and the focus moves to the field to correct.
 *
 * @param {HTMLFormElement} form
 * @param {object} how
 * @param {(fields: FormData) => Promise<string | Failure>} how.send resolves to the text of a
 *   success, or to a failure; stays pending if it loads another page
 * @param {string} how.rules the text for InvalidParamsError, which does not say what is wrong
 */
export function sendByScript(form, { send, rules }) {
  const button = find("button[type=submit]", HTMLButtonElement, form);
  // Firefox keeps a disabled button disabled after a reload.
  button.disabled = false;
  // The server says what is missing. The browser's own check is for pages without scripts.
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
      const outcome = await send(fields);
      if (typeof outcome === "string") showStatus(form, outcome);
      else showFailure(form, outcome, rules);
    } catch (error) {
      showAlert(form, "This page has a fault. Please reload it, then try again.").focus();
      throw error;
    } finally {
      button.disabled = false;
      form.ariaBusy = null;
      // The button lost the focus when it was disabled.
      if (document.activeElement === document.body) button.focus();
    }
  });
}

/**
 * Let a checkbox show the password. The password is hidden again when the form is sent, since
 * password managers recognise a password by the type of its field.
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
 * Show a failure in the page's only alert, at the end of `place`.
 *
 * @param {Element} place
 * @param {Failure} failure
 * @param {string} [rules]
 */
export function showFailure(place, failure, rules) {
  const alert = showAlert(place, sentenceFor(failure, rules));
  const field = fieldToCorrect(place, failure);
  if (!field) return alert.focus();
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-errormessage", alert.id);
  field.focus();
}

/**
 * @param {Failure} failure
 * @param {string} [rules]
 */
function sentenceFor(failure, rules) {
  if (failure.tag === "Incomplete") return failure.detail;
  if (failure.tag === "InvalidParamsError" && rules) return rules;
  return SENTENCES[failure.tag].replace(
    "{detail}",
    "detail" in failure ? (failure.detail ?? "") : "",
  );
}

/**
 * @param {Element} place
 * @param {string} sentence
 */
function showAlert(place, sentence) {
  const alert = find("[role=alert]", HTMLElement);
  place.append(alert);
  alert.textContent = sentence;
  return alert;
}

/**
 * The text of a field; "" if it has none.
 *
 * @param {FormData} fields
 * @param {string} name
 */
export function textOf(fields, name) {
  return String(fields.get(name) ?? "");
}

/** @param {HTMLFormElement} form */
function clear(form) {
  find("[role=alert]", HTMLElement).textContent = "";
  showStatus(form, "");
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
  }
}

/**
 * @param {HTMLFormElement} form
 * @param {string} sentence
 */
function showStatus(form, sentence) {
  const status = form.querySelector("[role=status]");
  if (status) status.textContent = sentence;
}

/**
 * @param {Element} place
 * @param {Failure} failure
 */
function fieldToCorrect(place, failure) {
  /** @type {HTMLInputElement[]} */
  const fields = [...place.querySelectorAll("input[name]")].filter(
    (field) => field instanceof HTMLInputElement,
  );
  if (failure.tag === "InvalidParamsError") {
    const { detail = "" } = failure;
    return fields.find(({ name }) => detail.startsWith(`${name}:`)) ?? fields[0];
  }
  const name = failure.tag === "Incomplete" ? failure.field : FIELD_BY_ERROR.get(failure.tag);
  return fields.find((field) => field.name === name);
}
