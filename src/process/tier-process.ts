import { join } from "node:path";
import { Guard } from "./guard.ts";

/** A tier tells its parent that it is alive this often. */
export const BEAT_MS = 500;
/** Beats that a tier may miss. Its parent counts beats of its own, not the clock: a machine that
 *  was suspended, or is too busy for either of them, has missed none. */
const MAX_MISSED_BEATS = 10;
/** How long a tier may take to finish what runs. */
export const GRACE_MS = 10_000;
/** From the signal that ends a tier to the one that cannot be ignored. */
export const MAX_STOP_MS = GRACE_MS + 3000;

export interface TierProcessOptions {
  /** One of our mains, relative to the root of the repository. */
  readonly script: string;
  readonly args?: readonly string[];
  /** All of it: nothing is inherited. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Default: this repository. */
  readonly root?: string;
}

/** How a process has ended; of a signal that it did not handle, `exitCode` is null. */
export interface Ending {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** It did not answer any more, and was killed for that. */
  readonly wasStuck: boolean;
}

/**
 * A tier in a process of its own, by the Bun that runs this one. One that listens and then stands
 * still is killed. It ends with its parent, even where that is killed: `runTier` hears that the
 * channel between them is gone, and a guard kills what does not hear.
 */
export class TierProcess {
  readonly #process: Bun.Subprocess<"ignore", "inherit", "inherit">;
  readonly #guard: Guard | undefined;
  /** Its address once it listens, or undefined where it ended before. */
  readonly listening: Promise<string | undefined>;
  readonly ended: Promise<Ending>;
  #missedBeats = 0;
  #wasStuck = false;
  #ticker: Timer | undefined;

  constructor({ script, args = [], environment, root = ROOT }: TierProcessOptions) {
    const listening = Promise.withResolvers<string | undefined>();
    const ended = Promise.withResolvers<Ending>();
    this.listening = listening.promise;
    this.ended = ended.promise;
    this.#process = Bun.spawn([process.execPath, "--no-env-file", join(root, script), ...args], {
      env: { ...environment },
      stdio: ["ignore", "inherit", "inherit"],
      ipc: (message) => {
        this.#missedBeats = 0;
        const address = listeningAddress(message);
        if (address === undefined) return;
        // Not before: to bring a large database up to date may take long.
        this.#ticker ??= setInterval(this.#tick, BEAT_MS);
        listening.resolve(address);
      },
      onExit: (_process, exitCode, signalCode) => {
        clearInterval(this.#ticker);
        this.#guard?.dismiss();
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

  /** Let it finish what runs, and wait for its end, which comes within `MAX_STOP_MS`. */
  async stop(): Promise<void> {
    this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), MAX_STOP_MS);
    await this.ended;
    clearTimeout(timer);
  }

  readonly #tick = (): void => {
    if (++this.#missedBeats <= MAX_MISSED_BEATS) return;
    this.#wasStuck = true;
    this.#process.kill("SIGKILL");
  };
}

const ROOT = join(import.meta.dir, "../..");

function listeningAddress(message: unknown): string | undefined {
  if (typeof message !== "object" || message === null || !("listening" in message))
    return undefined;
  return String(message.listening);
}
