// Sends a form by script and shows in the page how it went.

import { find } from "./page.js";

/** @import { DeclaredError } from "./api.js" */
/** @import { CommonError, OwnError } from "./call-api.js" */

/**
 * Why something did not work: what the API answered, or what the page itself finds missing or
 * wrong in one of its fields.
 *
 * @typedef {{ tag: DeclaredError | CommonError | OwnError, detail?: string }} ApiFailure
 * @typedef {{ tag: "OtherAccount" }} OtherAccount
 * @typedef {{ tag: "Incomplete", detail: string, field: string }} Incomplete
 * @typedef {ApiFailure | OtherAccount | Incomplete} Failure
 */

/**
 * What people are told.
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
 * Which field a failure is about.
 *
 * @type {ReadonlyMap<string, string>}
 */
const BLAMED = new Map([
  ["UserExistedError", "username"],
  ["UserNotExistError", "username"],
  ["PasswordError", "password"],
]);

/**
 * Have `form` sent by `send`, with its button disabled meanwhile. A failure is shown in the
 * page's alert, which moves to the form, and the focus goes to the field to be corrected.
 *
 * @param {HTMLFormElement} form
 * @param {object} how
 * @param {(fields: FormData) => Promise<string | Failure>} how.send resolves to what people are
 *   told, or to why it did not work, or stays pending where it leads to another page
 * @param {string} how.rules what people are told on InvalidParamsError, which says only that
 *   something is wrong
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
      const outcome = await send(fields);
      if (typeof outcome === "string") say(form, outcome);
      else refuse(form, outcome, rules);
    } catch (error) {
      tell(form, "This page has a fault. Please reload it, then try again.").focus();
      throw error;
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
 * @param {Failure} failure
 * @param {string} [rules]
 */
export function refuse(place, failure, rules) {
  const alert = tell(place, sentenceFor(failure, rules));
  const field = blamed(place, failure);
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
function tell(place, sentence) {
  const alert = find("[role=alert]", HTMLElement);
  place.append(alert);
  alert.textContent = sentence;
  return alert;
}

/**
 * The text of a field, "" where it is none.
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
 * @param {Failure} failure
 */
function blamed(place, failure) {
  /** @type {HTMLInputElement[]} */
  const fields = [...place.querySelectorAll("input[name]")].filter(
    (field) => field instanceof HTMLInputElement,
  );
  if (failure.tag === "InvalidParamsError") {
    const { detail = "" } = failure;
    return fields.find(({ name }) => detail.startsWith(`${name}:`)) ?? fields[0];
  }
  const name = failure.tag === "Incomplete" ? failure.field : BLAMED.get(failure.tag);
  return fields.find((field) => field.name === name);
}
