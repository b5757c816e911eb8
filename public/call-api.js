// Calls the HTTP API. Each call is one request, whose result has a tag.

/** @typedef {"ServerError" | "DataBaseError" | "InvalidParamsError"} CommonError */
/** @typedef {"TooOften" | "TooSlow" | "Unreachable" | "NotUnderstood" | "WrongAddress"} OwnError */

/**
 * One endpoint of the API. api.js declares all of them.
 *
 * @template Data
 * @template {string} DeclaredError
 * @typedef {object} Endpoint
 * @property {"GET" | "POST"} method
 * @property {string} path
 * @property {true} [isMultipart] sends the fields as the parts of a form; default JSON
 * @property {readonly DeclaredError[]} errors its errors, besides those that every endpoint has
 * @property {(data: unknown) => data is Data} isData
 */

/**
 * @template Data
 * @typedef {{ tag: "success", data: Data }} Success
 */

/**
 * Why a request failed.
 *
 * @template {string} Tag
 * @typedef {object} Failure
 * @property {Tag} tag
 * @property {string} [detail] more than the tag says: for InvalidParamsError, the field and the
 *   rule, as in "username: 4 to 13 code points"
 */

/**
 * @typedef {object} CallOptions
 * @property {number} [timeoutMs] default 20,000
 */

const COMMON_ERRORS = /** @type {const} */ (["ServerError", "DataBaseError", "InvalidParamsError"]);
const TIMEOUT_MS = 20_000;

/**
 * Call an endpoint. A failure is a result, too: the promise never rejects.
 *
 * @template Data
 * @template {string} DeclaredError
 * @param {Endpoint<Data, DeclaredError>} endpoint
 * @param {object} [fields]
 * @param {CallOptions} [options]
 * @returns {Promise<Success<Data> | Failure<DeclaredError | CommonError | OwnError>>}
 */
export async function callApi(endpoint, fields, { timeoutMs = TIMEOUT_MS } = {}) {
  /** @type {Response} */
  let response;
  /** @type {string} */
  let text;
  try {
    response = await fetch(endpoint.path, {
      ...requestOf(endpoint, fields),
      cache: "no-store",
      signal: AbortSignal.timeout(timeoutMs),
    });
    text = await response.text();
  } catch (cause) {
    const isLate = cause instanceof DOMException && cause.name === "TimeoutError";
    return { tag: isLate ? "TooSlow" : "Unreachable" };
  }
  const { errMsg, data } = parse(text);
  if (errMsg === "success" && endpoint.isData(data)) return { tag: "success", data };
  if (errMsg === "ServerError" && response.status === 429) return tooOften(response);
  // A page's requests are same-site, so PUBLIC_URL must differ from this address.
  if (errMsg === "InvalidParamsError" && response.status === 403) {
    return { tag: "WrongAddress", detail: location.origin };
  }
  const tag = [...endpoint.errors, ...COMMON_ERRORS].find((known) => known === errMsg);
  // Not an answer of the API: for example, the error page of a proxy.
  if (!tag) return { tag: "NotUnderstood", detail: `HTTP ${response.status}` };
  const detail = response.headers.get("X-Error-Detail");
  return { tag, ...(detail !== null && { detail }) };
}

/**
 * @param {unknown} value
 * @returns {value is Readonly<Record<string, unknown>>}
 */
export function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * @param {Pick<Endpoint<unknown, string>, "method" | "isMultipart">} endpoint
 * @param {object | undefined} fields
 * @returns {RequestInit}
 */
function requestOf({ method, isMultipart }, fields) {
  if (!fields) return { method };
  if (isMultipart) {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    return { method, body };
  }
  const headers = { "Content-Type": "application/json" };
  return { method, headers, body: JSON.stringify(fields) };
}

/**
 * @param {string} text
 * @returns {{ errMsg?: unknown, data?: unknown }}
 */
function parse(text) {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/**
 * @param {Response} response
 * @returns {Failure<"TooOften">}
 */
function tooOften({ headers }) {
  const seconds = Number(headers.get("Retry-After"));
  return { tag: "TooOften", detail: seconds > 0 ? `${Math.ceil(seconds)} s` : "a moment" };
}
