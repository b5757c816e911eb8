import { isDomainErrorName } from "../../../schema/errors.ts";
import { DomainError, isRpcStatus, RpcError } from "../error.ts";
import type { Method } from "../method.ts";
import { Flag, type Frame, FrameType } from "./frame.ts";
import { parseObject } from "./json.ts";
import type { OutgoingFrame } from "./outbox.ts";

const MAX_RETRY_AFTER_MS = 3_600_000;

/** The body of an ERROR frame: an RPC status or a name of the error table. */
interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly retryAfterMs?: number | undefined;
}

/**
 * An ERROR frame. Causes stay on this side, and so does the message of an answer that has one: it
 * may quote a driver, with hosts, files and SQL in it. An unexpected error says nothing about
 * itself.
 */
export function encodeError(id: number, error: RpcError | DomainError): OutgoingFrame {
  const isRpc = error instanceof RpcError;
  const body: ErrorBody = isRpc
    ? { code: error.status, message: error.message, retryAfterMs: error.retryAfterMs }
    : { code: error.code, message: error.cause === undefined ? error.message : error.code };
  const flags = isRpc && !error.processed ? 0 : Flag.processed;
  return { type: FrameType.error, flags, id, body: JSON.stringify(body) };
}

/** What to throw for an ERROR frame; an error that the method does not declare is `internal`. */
export function decodeError(method: Method<unknown, unknown>, frame: Frame): Error {
  const { code, message, retryAfterMs } = parseErrorBody(frame.body);
  if (isDomainErrorName(code) && isDeclared(method, code)) return new DomainError(code, message);
  const processed = (frame.flags & Flag.processed) !== 0;
  if (isRpcStatus(code)) {
    return new RpcError(code, message, {
      processed,
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    });
  }
  return new RpcError("internal", `Cannot accept the answer of ${method.name}: error "${code}"`, {
    processed,
  });
}

/** The body of a GOAWAY frame. */
export function goAwayText(lastId: number, reason: string): string {
  return JSON.stringify({ lastId, reason });
}

/** Calls with an id over `lastId` were not begun; an unreadable body says that of none. */
export function parseGoAway(text: string): { lastId: number; reason: string } {
  const { lastId, reason } = parseObject(text) ?? {};
  return {
    lastId: typeof lastId === "number" ? lastId : Infinity,
    reason: typeof reason === "string" ? reason : "no reason",
  };
}

/** Whether a method's callers are prepared for this error. */
export function isDeclared(method: Method<unknown, unknown>, code: DomainError["code"]): boolean {
  return code === "DataBaseError" || method.errors.includes(code);
}

function parseErrorBody(text: string): ErrorBody {
  const { code, message, retryAfterMs } = parseObject(text) ?? {};
  return {
    code: typeof code === "string" ? code : "unreadable",
    message: typeof message === "string" ? message : "no message",
    // Not beyond what is sane: it ends up in timers and in HTTP headers.
    retryAfterMs:
      typeof retryAfterMs === "number" && retryAfterMs >= 0
        ? Math.min(retryAfterMs, MAX_RETRY_AFTER_MS)
        : undefined,
  };
}
