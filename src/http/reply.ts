import { ERRORS, type ErrorName } from "../../schema/errors.ts";
import { MAX_DETAIL_CHARACTERS } from "../../schema/http-api.ts";
import { DomainError, RpcError } from "../rpc/error.ts";
import { JSON_SECURITY } from "./security-headers.ts";

const MIN_RETRY_AFTER_MS = 1000;
/** Sent with every "6". */
const DETAIL = "X-Error-Detail";

/** Made once: a response copies Headers much faster than it reads an object. */
const HEADERS = new Headers({
  "Content-Type": "application/json; charset=utf-8",
  "Cache-Control": "no-store",
  ...JSON_SECURITY,
});

/**
 * The endpoint does not accept the request: "6", with a status that says why. The client gets the
 * message, which names the field and the rule, and never repeats a value.
 */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  /** @param message like `username: 4 to 13 code points` */
  constructor(
    status: 400 | 403 | 404 | 405 | 413 | 415,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** A response that knows the size of its body, in bytes. */
export class Answer extends Response {
  readonly #body: string | Uint8Array<ArrayBuffer> | null;

  constructor(body: string | Uint8Array<ArrayBuffer> | null, init: ResponseInit) {
    super(body, init);
    this.#body = body;
  }

  /** Counted only if it is asked for. */
  get size(): number {
    return this.#body === null ? 0 : Buffer.byteLength(this.#body);
  }
}

/** "7" with `data` and, if given, a Set-Cookie. */
export function success(data: unknown, cookie?: string): Response {
  const response = envelope("success", ERRORS.success.status, data);
  if (cookie) response.headers.set("Set-Cookie", cookie);
  return response;
}

/**
 * The answer for anything that was thrown: always a row of the error table. This is the only place
 * that maps errors to HTTP.
 */
export function failure(error: unknown): Response {
  if (error instanceof Refusal) {
    return invalidParams(error.status, error.message, error.headers);
  }
  if (error instanceof DomainError) return envelope(error.code, ERRORS[error.code].status, "");
  if (error instanceof RpcError) return rpcFailure(error);
  return envelope("ServerError", ERRORS.ServerError.status, "");
}

function rpcFailure(error: RpcError): Response {
  switch (error.status) {
    case "invalid_argument":
      return invalidParams(ERRORS.InvalidParamsError.status, argumentOf(error));
    case "deadline_exceeded":
      return envelope("ServerError", 504, "");
    case "rate_limited":
      return envelope("ServerError", 429, "", retryAfter(error));
    case "cancelled": // The browser has gone, so only the log sees the status.
    case "unavailable":
    case "resource_exhausted":
      return envelope("ServerError", 503, "", retryAfter(error));
    default:
      return envelope("ServerError", ERRORS.ServerError.status, "");
  }
}

function retryAfter({ retryAfterMs = 0 }: RpcError): Readonly<Record<string, string>> {
  return { "Retry-After": `${Math.ceil(Math.max(MIN_RETRY_AFTER_MS, retryAfterMs) / 1000)}` };
}

/** "6", with a header that says what is wrong. Headers hold only ASCII. */
function invalidParams(
  status: number,
  why: string,
  headers?: Readonly<Record<string, string>>,
): Response {
  const detail = why.replace(/[^\x20-\x7e]/g, "?").slice(0, MAX_DETAIL_CHARACTERS);
  return envelope("InvalidParamsError", status, "", { ...headers, [DETAIL]: detail });
}

/** The field and the rule in an error of the TCP tier, without the name of the method. */
function argumentOf({ message }: RpcError): string {
  return message.replace(/^Cannot accept the request of [\w.]+: \/?/, "");
}

function envelope(
  name: ErrorName,
  status: number,
  data: unknown,
  headers?: Readonly<Record<string, string>>,
): Response {
  const body = JSON.stringify({ errCode: ERRORS[name].code, errMsg: name, data });
  const response = new Answer(body, { status, headers: HEADERS });
  if (!headers) return response;
  for (const [header, value] of Object.entries(headers)) response.headers.set(header, value);
  return response;
}
