import { isDomainErrorName } from "../../../schema/errors.ts";
import { DomainError, isRpcStatus, RpcError } from "../error.ts";
import { parseObject } from "../json.ts";
import { declares, type Method } from "../method.ts";
import { Flag, type Frame, FrameType, type OutgoingFrame } from "./frame.ts";

const MAX_RETRY_AFTER_MS = 3_600_000;

/** The body of an ERROR frame. `code` is an RPC status or a name of the error table. */
interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
}

/**
 * An ERROR frame. The cause of an error is never sent. The message of a domain error with a cause
 * is not sent either: it may quote a driver, with hosts, files and SQL.
 */
export function encodeError(id: number, error: RpcError | DomainError): OutgoingFrame {
  const isRpc = error instanceof RpcError;
  const body: ErrorBody = isRpc
    ? { code: error.status, message: error.message, retryAfterMs: error.retryAfterMs }
    : { code: error.code, message: error.cause === undefined ? error.message : error.code };
  const flags = isRpc && !error.processed ? 0 : Flag.processed;
  return { type: FrameType.error, flags, id, body: JSON.stringify(body) };
}

/** The error to throw for an ERROR frame; `internal` if the method does not declare its code. */
export function decodeError(method: Method<unknown, unknown>, frame: Frame): Error {
  const { code, message, retryAfterMs } = parseErrorBody(frame.body);
  if (isDomainErrorName(code) && declares(method, code)) return new DomainError(code, message);
  const processed = (frame.flags & Flag.processed) !== 0;
  if (isRpcStatus(code)) {
    return new RpcError(code, message, { processed, retryAfterMs });
  }
  const why = `Cannot accept the answer of ${method.name}: error "${code}"`;
  return new RpcError("internal", why, { processed });
}

/** Why the server closes the connection, from an ERROR with id 0. */
export function refusalText(body: string): string {
  return parseErrorBody(body).message;
}

/** The body of a GOAWAY frame. */
export function goAwayText(lastId: number, reason: string): string {
  return JSON.stringify({ lastId, reason });
}

/** Calls with an id over `lastId` did not begin. If the body is unreadable, all may have begun. */
export function parseGoAway(text: string): { lastId: number; reason: string } {
  const { lastId, reason } = parseObject(text) ?? {};
  return {
    lastId: typeof lastId === "number" ? lastId : Infinity,
    reason: typeof reason === "string" ? reason : "no reason",
  };
}

function parseErrorBody(text: string): ErrorBody {
  const { code, message, retryAfterMs } = parseObject(text) ?? {};
  return {
    code: typeof code === "string" ? code : "unreadable",
    message: typeof message === "string" ? message : "no message",
    // At most an hour: timers and HTTP headers use this number.
    retryAfterMs:
      typeof retryAfterMs === "number" && retryAfterMs >= 0
        ? Math.min(retryAfterMs, MAX_RETRY_AFTER_MS)
        : undefined,
  };
}
