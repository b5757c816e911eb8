import type { CallContext, DispatchEntry } from "./call.ts";
import type { Expiring } from "./deadlines.ts";
import type { Frame } from "./frame.ts";

const MAX_REQUEST_ID_LENGTH = 128;

/** A call whose handler runs on the server; it is its handler's context, too. */
export class RunningCall implements Expiring, CallContext {
  readonly entry: DispatchEntry;
  readonly id: number;
  /** On the clock of `performance.now()`, as the deadline. */
  readonly begunAt = performance.now();
  readonly deadline: number;
  slot: Expiring["slot"];
  readonly #metadata: string;
  readonly #onExpire: (call: RunningCall) => void;

  constructor(entry: DispatchEntry, frame: Frame, onExpire: (call: RunningCall) => void) {
    this.entry = entry;
    this.id = frame.id;
    this.deadline = this.begunAt + frame.timeoutMs;
    this.#metadata = frame.metadata;
    this.#onExpire = onExpire;
  }

  /** Parsed when asked for, which for most calls is never. */
  get requestId(): string {
    return parseRequestId(this.#metadata);
  }

  expire(): void {
    this.#onExpire(this);
  }
}

/** Only for log lines, so what cannot be read is no reason to refuse the call. */
function parseRequestId(metadata: string): string {
  if (metadata === "") return "";
  try {
    const value: unknown = JSON.parse(metadata);
    if (typeof value !== "object" || value === null || !("requestId" in value)) return "";
    return String(value.requestId).slice(0, MAX_REQUEST_ID_LENGTH);
  } catch {
    return ""; // Not JSON.
  }
}
