/** A line of a log: fields, then the event in a few words. */
export interface Line {
  readonly level: number;
  readonly fields: object;
  readonly event: string;
}

interface Known {
  last: Line;
  /** How often it happened since the last line. */
  count: number;
  /** Ticks since it happened last. */
  quietTicks: number;
}

const TICK_MS = 1000;
/** After so long in peace, a problem is written in full again, with its stack. */
const FORGET_TICKS = 60;
/** Kinds of problems that are told apart. */
const MAX_KNOWN = 100;
/** What differs between two reasons of one kind: numbers, ids, ports. */
const VARYING = /\b[\da-f-]{8,}\b|\d+/gi;

/**
 * Makes one line a second of a problem that repeats, with a count. The first one is written at
 * once.
 */
export class Repeats {
  readonly #write: (line: Line) => void;
  readonly #known = new Map<string, Known>();
  #ticker: Timer | undefined;

  /** @param write gets a line for all that happened since the last one; `count` says how often */
  constructor(write: (line: Line) => void) {
    this.#write = write;
  }

  /** The line as it is to be written now, or undefined if it was counted. */
  take(line: Line): Line | undefined {
    const known = this.#find(line);
    if (!known) return line;
    const isRare = known.count === 0 && known.quietTicks > 1;
    known.quietTicks = 0;
    if (isRare) return brief(line);
    known.count++;
    known.last = line;
    return undefined;
  }

  /** Write what has been counted. */
  flush(): void {
    for (const known of this.#known.values()) {
      if (known.count === 0) continue;
      const { level, event, fields } = brief(known.last);
      this.#write({ level, event, fields: { ...fields, count: known.count } });
      known.count = 0;
    }
  }

  #find(line: Line): Known | undefined {
    const reason = reasonOf(line.fields).replace(VARYING, "#");
    const kind = `${line.level} ${line.event} ${reason}`;
    // A flood may bring any number of kinds.
    const isNew = this.#known.size < MAX_KNOWN || this.#known.has(kind);
    const key = isNew ? kind : `${line.level}`;
    const known = this.#known.get(key);
    if (known) return known;
    this.#known.set(key, { last: line, count: 0, quietTicks: 0 });
    this.#ticker ??= setInterval(this.#tick, TICK_MS);
    this.#ticker.unref();
    return undefined;
  }

  readonly #tick = (): void => {
    this.flush();
    for (const [kind, known] of this.#known) {
      if (++known.quietTicks > FORGET_TICKS) this.#known.delete(kind);
    }
    if (this.#known.size > 0) return;
    clearInterval(this.#ticker);
    this.#ticker = undefined;
  };
}

/** Without a stack: the reason alone. */
export function brief(line: Line): Line {
  const { err, ...fields } = { err: undefined, ...line.fields };
  return err === undefined ? line : { ...line, fields: { ...fields, reason: messageOf(err) } };
}

function reasonOf(fields: object): string {
  const { err, reason, why } = { err: undefined, reason: "", why: "", ...fields };
  return err === undefined ? `${reason || why}` : messageOf(err);
}

/** With the messages of its causes. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${messageOf(error.cause)}`;
}
