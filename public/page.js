// What lies around a page's forms: its elements, and the ways to other pages.

const NOTE = "portico.note";
const USERNAME = "portico.username";

/**
 * Find the element that a script relies on, and check that it is of the kind it is taken for.
 *
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} kind
 * @param {ParentNode} [within]
 * @returns {T}
 */
export function find(selector, kind, within = document) {
  const element = within.querySelector(selector);
  if (element instanceof kind) return element;
  throw new Error(`Cannot find ${kind.name} "${selector}"`);
}

/**
 * Go to another page and stay pending for good, so that what waits for it does nothing more here.
 * `replace` keeps this page out of the history, for pages that would only lead away again.
 *
 * @param {string} url
 * @param {{ note?: string, username?: string, replace?: boolean }} [details] `note` is shown and
 *   `username` filled in on arrival; they travel in sessionStorage, never in the address
 * @returns {Promise<never>}
 */
export function leaveFor(url, { note, username, replace = false } = {}) {
  try {
    if (note !== undefined) sessionStorage.setItem(NOTE, note);
    if (username !== undefined) sessionStorage.setItem(USERNAME, username);
  } catch (error) {
    // Where storage is switched off the next page is reached all the same, without the note.
    console.warn("Cannot keep the note for the next page", error);
  }
  if (replace) location.replace(url);
  else location.assign(url);
  return new Promise(() => {});
}

/** Take what the page before left with leaveFor(); a second call, or a reload, finds nothing. */
export function takeNote() {
  try {
    const left = {
      note: sessionStorage.getItem(NOTE) ?? "",
      username: sessionStorage.getItem(USERNAME) ?? "",
    };
    sessionStorage.removeItem(NOTE);
    sessionStorage.removeItem(USERNAME);
    return left;
  } catch (error) {
    console.warn("Cannot read the note of the page before", error);
    return { note: "", username: "" };
  }
}

// The browser's Back may bring a page as it was left: of a session that has ended since, or with
// its button still disabled. It starts anew instead.
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) location.reload();
});
