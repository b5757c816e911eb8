import { DESCRIBE, type ServiceDescription } from "../gen/system.ts";
import type { Address } from "../rpc/address.ts";
import type { Interceptor } from "../rpc/interceptor.ts";
import {
  bytesOf,
  type Frame,
  type FrameTap,
  FrameType,
  type OutgoingFrame,
} from "../rpc/wire/frame.ts";

const DEFAULT_COLUMNS = 80;
const TITLE_LENGTH = 48;
const SIZE_LENGTH = 16;
const BODY_INDENT = " ".repeat(13);
const TYPE_NAMES = new Map<number, string>(
  Object.entries(FrameType).map(([name, type]) => [type, name.toUpperCase()]),
);
const OF_A_CALL: ReadonlySet<number> = new Set<number>([
  FrameType.request,
  FrameType.response,
  FrameType.error,
  FrameType.cancel,
]);

interface Timing {
  readonly method: string;
  /** The milliseconds of each phase, and of all. */
  readonly rows: readonly (readonly [title: string, ms: number])[];
}

/** Prints each frame that is sent or received, and at the end the time that each call took. */
export class FrameLog {
  readonly #write: (text: string) => void;
  readonly #columns: number;
  readonly #startedAt = performance.now();
  readonly #methodNames = new Map([[DESCRIBE.number, DESCRIBE.name]]);
  /** The method of each call that was sent, by server and id. */
  readonly #calls = new Map<string, string>();
  readonly #timings: Timing[] = [];

  /** @param columns the longest line */
  constructor(write: (text: string) => void, columns = DEFAULT_COLUMNS) {
    this.#write = write;
    this.#columns = columns;
  }

  /** Take the names of methods, to print them instead of numbers. */
  learn(services: readonly ServiceDescription[]): void {
    for (const { service, methods } of services) {
      for (const { name, number } of methods) this.#methodNames.set(number, `${service}.${name}`);
    }
  }

  readonly tap: FrameTap = (direction, frame, peer) => {
    const at = (performance.now() - this.#startedAt).toFixed(1).padStart(7);
    const arrow = direction === "sent" ? "→" : "←";
    const type = TYPE_NAMES.get(frame.type) ?? `type ${frame.type}`;
    const title = `${type} ${this.#subject(frame, peer)}`.padEnd(TITLE_LENGTH);
    const bytes = `${bytesOf(frame).toLocaleString("en")} bytes`.padStart(SIZE_LENGTH);
    this.#write(`${at} ms ${arrow} ${title} ${bytes}`);
    if (frame.body) this.#write(abbreviate(BODY_INDENT + frame.body, this.#columns));
  };

  readonly interceptor: Interceptor = ({ method, begunAt, phases }) => {
    return () => {
      const now = performance.now();
      const rows = [...(phases?.spent(now) ?? []), ["total", now - begunAt] as const];
      this.#timings.push({ method: method.name, rows });
    };
  };

  /** Print the time of each phase of each call. "handler" includes the network, both ways. */
  end(): void {
    const titles = this.#timings[0]?.rows.map(([title]) => title) ?? [];
    const width = Math.max(...titles.map((title) => title.length));
    const line = (title: string, cell: (timing: Timing) => string): string => {
      const cells = this.#timings.map((timing) => cell(timing).padStart(timing.method.length));
      return [title.padEnd(width), ...cells].join("  ");
    };
    const lines = [
      line("Time in ms", ({ method }) => method),
      ...titles.map((title, row) => line(title, ({ rows }) => (rows[row]?.[1] ?? 0).toFixed(1))),
    ];
    this.#write(`\n${lines.join("\n")}\n`);
  }

  /** The id and method of a call, or the address if the frame belongs to the whole connection. */
  #subject({ type, id = 0, method = 0 }: OutgoingFrame | Frame, { host, port }: Address): string {
    if (!OF_A_CALL.has(type) || id === 0) return `${host}:${port}`;
    const call = `${host}:${port} ${id}`;
    if (type === FrameType.request) {
      this.#calls.set(call, this.#methodNames.get(method) ?? `method ${method}`);
    }
    return `${id} ${this.#calls.get(call)}`;
  }
}

function abbreviate(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
}
