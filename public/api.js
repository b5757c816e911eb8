// The pages' way to the HTTP API: one request, and its answer as data or as words for people.

/** What people are told, by errCode. */
const SENTENCES = new Map([
  ["0", "Something went wrong on our side, or it is very busy. Please try again in a moment."],
  ["1", "The accounts cannot be reached at the moment. Please try again in a moment."],
  ["2", "Your session has ended. Please sign in again."],
  ["3", "This username is taken. Please choose another one."],
  ["4", "There is no account with this username. Check its spelling and capitals, or sign up."],
  ["5", "This is not the password of this account. Please type it again; capitals count."],
  ["6", "The server does not take this as it is. Please check what you entered."],
]);
const SUCCESS = "7";

const UNREACHABLE = "The server cannot be reached. Check your connection, then try again.";
const TOO_SLOW = "The server took too long to answer. Please try again in a moment.";

/** Why a request was not carried out: the message is a sentence for people. */
export class Refusal extends Error {
  /**
   * @param {string} message
   * @param {{ code?: string, field?: string, cause?: unknown }} [details] `code` is the errCode
   *   that the server answered, `field` what the page itself finds missing or wrong
   */
  constructor(message, { code, field, cause } = {}) {
    super(message, { cause });
    this.code = code;
    this.field = field;
  }
}

/**
 * Call the API and resolve to the `data` of its answer; whatever fails rejects with a Refusal.
 *
 * @param {string} url
 * @param {FormData | Record<string, FormDataEntryValue>} [body] sent with POST: form data as it
 *   is, anything else as JSON; without a body the request is a GET
 * @param {number} [timeoutMs]
 * @returns {Promise<unknown>}
 */
export async function call(url, body, timeoutMs = 20_000) {
  const { response, text } = await exchange(url, {
    ...requestOf(body),
    cache: "no-store",
    signal: AbortSignal.timeout(timeoutMs),
  });
  const answer = parse(text);
  if (answer?.errCode === SUCCESS) return answer.data;
  const sentence = answer && (tooOften(response) ?? SENTENCES.get(answer.errCode));
  if (!answer || !sentence) throw notUnderstood(`HTTP ${response.status}`);
  throw new Refusal(sentence, { code: answer.errCode });
}

/**
 * The server's answer is none that the pages know: a proxy's page, say.
 *
 * @param {string} what
 */
export function notUnderstood(what) {
  return new Refusal(
    `The server's answer was not understood (${what}). Please try again in a moment.`,
  );
}

/**
 * @param {FormData | Record<string, FormDataEntryValue> | undefined} body
 * @returns {RequestInit}
 */
function requestOf(body) {
  if (!body) return { method: "GET" };
  if (body instanceof FormData) return { method: "POST", body };
  return {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
}

/**
 * @param {string} url
 * @param {RequestInit} request
 */
async function exchange(url, request) {
  try {
    const response = await fetch(url, request);
    return { response, text: await response.text() };
  } catch (cause) {
    const late = cause instanceof DOMException && cause.name === "TimeoutError";
    throw new Refusal(late ? TOO_SLOW : UNREACHABLE, { cause });
  }
}

/**
 * @param {string} text
 * @returns {{ errCode: string, data: unknown } | undefined}
 */
function parse(text) {
  try {
    const { errCode, data } = Object(JSON.parse(text));
    return typeof errCode === "string" ? { errCode, data } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * "0" is also the answer to one who asks too often, who can be told how long to wait.
 *
 * @param {Response} response
 */
function tooOften(response) {
  if (response.status !== 429) return undefined;
  const seconds = Number(response.headers.get("Retry-After"));
  const wait = seconds > 0 ? `${Math.ceil(seconds)} s` : "a moment";
  return `That was too often in a short time. Please wait ${wait}, then try again.`;
}
