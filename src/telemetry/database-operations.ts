import type { Operation } from "../gen/system.ts";
import type { OperationDurations } from "./metrics/operation-durations.ts";

/** An operation is worth to be told from this time on, or if it fails. */
const SLOW_MS = 100;
const MAX_ENDED = 200;
const MAX_TOLD = 10;

interface Running {
  readonly system: string;
  readonly name: string;
  readonly begunAt: number;
  /** In the list of those that run. */
  index: number;
}

interface Ended {
  readonly running: Running;
  readonly endedAt: number;
  readonly error: unknown;
}

/**
 * Sees every operation of the databases, counts it for metrics, and keeps the last slow and failed
 * ones. Which call one is for is not known: telling it apart would cost a tenth of the TCP tier's
 * time.
 */
export class DatabaseOperations {
  readonly #running: Running[] = [];
  readonly #ended: Ended[] = [];
  #next = 0;
  readonly #durations: OperationDurations | undefined;

  /** @param durations for metrics, if there are any */
  constructor(durations?: OperationDurations) {
    this.#durations = durations;
  }

  /** For `StorageOptions.observe`. */
  readonly observe = (system: string, name: string): ((error: unknown) => void) => {
    const running = { system, name, begunAt: performance.now(), index: this.#running.length };
    this.#running.push(running);
    return (error) => this.#end(running, error);
  };

  /** The operations that were slow or failed at any time since `begunAt`, slowest first. */
  since(begunAt: number, now: number): Operation[] {
    const ended = this.#ended
      .filter(({ endedAt }) => endedAt >= begunAt)
      .map(({ running, endedAt, error }) => ({
        ...operationOf(running, endedAt, true),
        ...(error !== undefined && { error: codeOf(error) }),
      }));
    const running = this.#running
      .filter((each) => now - each.begunAt >= SLOW_MS)
      .map((each) => operationOf(each, now, false));
    const all = [...running, ...ended].toSorted((one, other) => other.ms - one.ms);
    return all.slice(0, MAX_TOLD);
  }

  #end(running: Running, error: unknown): void {
    const last = this.#running.pop();
    if (last && last !== running) {
      this.#running[running.index] = last;
      last.index = running.index;
    }
    const endedAt = performance.now();
    const ms = endedAt - running.begunAt;
    this.#durations?.add(running.system, running.name, error, ms);
    if (error === undefined && ms < SLOW_MS) return;
    this.#ended[this.#next] = { running, endedAt, error };
    this.#next = (this.#next + 1) % MAX_ENDED;
  }
}

type Observe<System extends string> = (
  system: System,
  name: string,
) => ((error: unknown) => void) | undefined;

/** Join two observers of operations; undefined if there is none. */
export function observeBoth<System extends string>(
  first: Observe<System> | undefined,
  second: Observe<System> | undefined,
): Observe<System> | undefined {
  if (!first || !second) return first ?? second;
  return (system, name) => {
    const endFirst = first(system, name);
    const endSecond = second(system, name);
    return (error) => {
      endSecond?.(error);
      endFirst?.(error);
    };
  };
}

function operationOf({ system, name, begunAt }: Running, until: number, isOver: boolean) {
  return { system, name, ms: until - begunAt, isOver };
}

/** A driver's message of plain words, such as "Command timed out", has no value of a user. */
const PLAIN_WORDS = /^[A-Za-z ]+\.?$/;

/** The message of a driver may have a value of a user in it; its code has not. */
function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (typeof code === "string") return code;
  if (!(error instanceof Error)) return "unknown";
  // So ioredis says that the connection was lost, or could not be opened.
  if (error.name === "MaxRetriesPerRequestError") return "no connection";
  return PLAIN_WORDS.test(error.message) ? error.message : error.name;
}
