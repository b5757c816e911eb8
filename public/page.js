// Finds the elements of a page, and loads other pages.

const NOTE = "portico.note";
const USERNAME = "portico.username";

/**
 * Find an element that a script needs, and check its class.
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
 * Load another page. The promise never settles, so that the caller does nothing more on this page.
 * `replace` removes this page from the history, for pages that would only redirect again.
 *
 * @param {string} url
 * @param {{ note?: string, username?: string, replace?: boolean }} [details] the other page shows
 *   `note` and fills in `username`; both are passed in sessionStorage, never in the URL
 * @returns {Promise<never>}
 */
export function leaveFor(url, { note, username, replace = false } = {}) {
  try {
    if (note !== undefined) sessionStorage.setItem(NOTE, note);
    if (username !== undefined) sessionStorage.setItem(USERNAME, username);
  } catch (error) {
    // If storage is switched off, the other page loads without the note.
    console.warn("Cannot pass the note to the next page", error);
  }
  if (replace) location.replace(url);
  else location.assign(url);
  return new Promise(() => {});
}

/** Read and remove the details that the previous page passed to leaveFor(). */
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

// The Back button may show a page in its old state: with a session that has ended, or with a
// disabled button. Load the page again instead.
window.addEventListener("pageshow", ({ persisted }) => {
  if (persisted) location.reload();
});
