/** A line of the log: fields, and the event in a few words. */
export interface Line {
  readonly level: number;
  readonly fields: object;
  readonly event: string;
}

interface Known {
  last: Line;
  /** How often the problem happened since its last line. */
  count: number;
  /** Ticks since the problem last happened. */
  quietTicks: number;
}

const TICK_MS = 1000;
/** If a problem has not happened for this time, the next line is in full again, with its stack. */
const FORGET_TICKS = 60;
/** How many kinds of problems are counted separately. */
const MAX_KNOWN = 100;
/**
 * Numbers, ids, ports, and names in quotes, which a stranger may have chosen: reasons that differ
 * only in these are of one kind. Else a peer could use up all kinds, and hide other problems.
 */
const VARYING = /"[^"]*"|\b[\da-f-]{8,}\b|\d+/gi;

/** Turns a repeated problem into one line a second with a count. The first is written at once. */
export class Repeats {
  readonly #write: (line: Line) => void;
  readonly #known = new Map<string, Known>();
  #ticker: Timer | undefined;
  /** How many lines were only counted. */
  suppressed = 0;

  /** @param write is called with the last line of a kind; `count` says how many it stands for */
  constructor(write: (line: Line) => void) {
    this.#write = write;
  }

  /** @returns the line to write now, or undefined if it was only counted */
  take(line: Line): Line | undefined {
    const known = this.#find(line);
    if (!known) return line;
    const isRare = known.count === 0 && known.quietTicks > 1;
    known.quietTicks = 0;
    if (isRare) return brief(line);
    known.count++;
    this.suppressed++;
    known.last = line;
    return undefined;
  }

  /** Write the counted lines. */
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
    // Beyond `MAX_KNOWN`, other kinds share one count for each level.
    const isCounted = this.#known.size < MAX_KNOWN || this.#known.has(kind);
    const key = isCounted ? kind : `${line.level}`;
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

/** The line with the reason in place of the error and its stack. */
export function brief(line: Line): Line {
  const { err, ...fields } = { err: undefined, ...line.fields };
  return err === undefined ? line : { ...line, fields: { ...fields, reason: messageOf(err) } };
}

function reasonOf(fields: object): string {
  const { err, reason, why } = { err: undefined, reason: "", why: "", ...fields };
  return err === undefined ? `${reason || why}` : messageOf(err);
}

/** The message of an error and of its causes. What it ends with already is not added again. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  if (cause === undefined) return message;
  const why = messageOf(cause);
  return message.endsWith(why.replace(/\.$/, "")) ? message : `${message}: ${why}`;
}
