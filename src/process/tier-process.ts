import { type DrainOrder, drainMessage } from "./drain-order.ts";
import { HeartbeatMonitor } from "./heartbeat.ts";
import { Guard } from "./orphan-guard.ts";
import { commandOf } from "./program.ts";
import { type Question, Questions } from "./questions.ts";

/** How long a tier may take to finish running work. */
export const GRACE_MS = 10_000;
/** The time from SIGTERM to SIGKILL, without the delay of the drain. */
export const MAX_STOP_MS = GRACE_MS + 3000;

export interface TierProcessOptions {
  /** One of our mains, relative to the root of the repository. */
  readonly script: string;
  readonly args?: readonly string[];
  /** The whole environment: the process inherits nothing else. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** DRAIN_DELAY_MS of the tier. Default 0. */
  readonly drainDelayMs?: number;
  /** Default: this repository. */
  readonly root?: string;
}

/** How a process has ended. If a signal killed it, `exitCode` is null. */
export interface Ending {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** True if this process killed the tier because its beats had stopped. */
  readonly wasStuck: boolean;
}

/**
 * A tier in its own process, which runs the same Bun as this process. A tier that listens and then
 * sends no beats is killed. A tier ends with its parent, even if the parent is killed: `runTier`
 * notices that the channel is closed, and a guard kills a tier that does not notice.
 */
export class TierProcess {
  readonly #process: Bun.Subprocess<"ignore", "inherit", "inherit">;
  readonly #guard: Guard | undefined;
  /** Resolves to the address when the tier listens, or to undefined if the tier ends first. */
  readonly listening: Promise<string | undefined>;
  readonly ended: Promise<Ending>;
  readonly #heartbeat = new HeartbeatMonitor(() => this.#killStuck());
  readonly #drainDelayMs: number;
  readonly #questions = new Questions((message) => this.#process.send(message));
  #wasStuck = false;

  constructor(options: TierProcessOptions) {
    const { script, args = [], environment, drainDelayMs = 0, root } = options;
    this.#drainDelayMs = drainDelayMs;
    const listening = Promise.withResolvers<string | undefined>();
    const ended = Promise.withResolvers<Ending>();
    this.listening = listening.promise;
    this.ended = ended.promise;
    this.#process = Bun.spawn([...commandOf(script, root), ...args], {
      env: { ...environment },
      stdio: ["ignore", "inherit", "inherit"],
      ipc: (message) => {
        this.#heartbeat.heard();
        this.#questions.heard(message);
        const address = listeningAddress(message);
        if (address === undefined) return;
        this.#heartbeat.start();
        listening.resolve(address);
      },
      onExit: (_process, exitCode, signalCode) => {
        this.#heartbeat.stop();
        this.#guard?.dismiss();
        this.#questions.end();
        listening.resolve(undefined);
        const signal = signalCode === null ? null : String(signalCode);
        ended.resolve({ exitCode, signal, wasStuck: this.#wasStuck });
      },
    });
    this.#guard = Guard.of(this.#process.pid, MAX_STOP_MS);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /**
   * Ask the tier, which answers from its `RunningTier`.
   * @throws {Error} it cannot answer, has ended, or did not answer within a second
   */
  ask(question: Question, about?: object): Promise<unknown> {
    return this.#questions.ask(question, about);
  }

  /**
   * Let the tier finish running work, and wait for its end. Kill it after `MAX_STOP_MS` and the
   * delay of its drain.
   * @param how `now`: there is no delay, because no work comes any more
   */
  async stop(how: "delayed" | "now" = "delayed"): Promise<void> {
    this.#tell(how);
    this.#process.kill("SIGTERM");
    const maxStopMs = MAX_STOP_MS + (how === "now" ? 0 : this.#drainDelayMs);
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), maxStopMs);
    await this.ended;
    clearTimeout(timer);
  }

  /** Do not let a signal of another process end the tier before `stop()`. */
  hold(): void {
    this.#tell("wait");
  }

  #tell(order: DrainOrder): void {
    try {
      this.#process.send(drainMessage(order));
    } catch {
      return; // It has ended, or ends.
    }
  }

  #killStuck(): void {
    this.#wasStuck = true;
    this.#process.kill("SIGKILL");
  }
}

function listeningAddress(message: unknown): string | undefined {
  if (typeof message !== "object" || message === null || !("listening" in message))
    return undefined;
  return String(message.listening);
}
