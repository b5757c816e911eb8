import type { ServiceDescription } from "../gen/system-messages.ts";
import { DESCRIBE } from "../gen/system-methods.ts";
import type { Address } from "../rpc/connect.ts";
import { type Frame, FrameType } from "../rpc/frame.ts";
import { bytesOf, type FrameTap } from "../rpc/frame-tap.ts";
import type { Interceptor } from "../rpc/interceptor.ts";
import type { OutgoingFrame } from "../rpc/outbox.ts";
import type { Phase } from "../rpc/phases.ts";

const DEFAULT_COLUMNS = 80;
const TITLE_LENGTH = "waiting for a connection".length;
const BODY_INDENT = " ".repeat(13);
const TYPE_NAMES = new Map<number, string>(
  Object.entries(FrameType).map(([name, type]) => [type, name.toUpperCase()]),
);

interface Timing {
  readonly method: string;
  readonly phases: readonly [Phase, number][];
}

/** Tells what goes over the wire as it happens, and at the end where the time went. */
export class FrameLog {
  readonly #write: (text: string) => void;
  readonly #columns: number;
  readonly #startedAt = performance.now();
  readonly #methodNames = new Map([[DESCRIBE.number, DESCRIBE.name]]);
  /** Of each call that was sent, by server and id. */
  readonly #calls = new Map<string, string>();
  readonly #timings: Timing[] = [];

  /** Lines are no longer than `columns`. */
  constructor(write: (text: string) => void, columns = DEFAULT_COLUMNS) {
    this.#write = write;
    this.#columns = columns;
  }

  /** Method numbers get their names from here on. */
  learn(services: readonly ServiceDescription[]): void {
    for (const { service, methods } of services) {
      for (const { name, number } of methods) this.#methodNames.set(number, `${service}.${name}`);
    }
  }

  readonly tap: FrameTap = (direction, frame, peer) => {
    const { type, id = 0, body } = frame;
    const at = (performance.now() - this.#startedAt).toFixed(1).padStart(7);
    const arrow = direction === "sent" ? "→" : "←";
    const name = TYPE_NAMES.get(type) ?? `type ${type}`;
    const number = id === 0 ? "" : ` ${id}`;
    const bytes = `${bytesOf(frame).toLocaleString("en")} bytes`;
    const title = `${name}${number} ${this.#subject(frame, peer)}`;
    this.#write(`${at} ms ${arrow} ${title.padEnd(48)} ${bytes.padStart(16)}`);
    if (body) this.#write(abbreviate(BODY_INDENT + body, this.#columns));
  };

  readonly interceptor: Interceptor = ({ method, phases }) => {
    return () => {
      if (phases)
        this.#timings.push({ method: method.name, phases: phases.spent(performance.now()) });
    };
  };

  /** Where the time of each call went; "handler" is with the way there and back. */
  end(): void {
    const row = (title: string, cell: (timing: Timing) => string): string => {
      const cells = this.#timings.map((timing) => cell(timing).padStart(timing.method.length));
      return [title.padEnd(TITLE_LENGTH), ...cells].join("  ");
    };
    const inAll = ({ phases }: Timing) => phases.reduce((sum, [, ms]) => sum + ms, 0);
    const phases = this.#timings[0]?.phases ?? [];
    const lines = [
      row("Time in ms", ({ method }) => method),
      ...phases.map(([phase], index) =>
        row(phase, ({ phases }) => (phases[index]?.[1] ?? 0).toFixed(1)),
      ),
      row("in all", (timing) => inAll(timing).toFixed(1)),
    ];
    this.#write(`\n${lines.join("\n")}\n`);
  }

  #subject({ type, id = 0, method = 0 }: OutgoingFrame | Frame, peer: Address): string {
    const call = `${peer.host} ${peer.port} ${id}`;
    if (type === FrameType.request) {
      this.#calls.set(call, this.#methodNames.get(method) ?? `method ${method}`);
    }
    return this.#calls.get(call) ?? `${peer.host}:${peer.port}`;
  }
}

function abbreviate(text: string, maxLength: number): string {
  return text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
}
