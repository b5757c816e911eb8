import { join } from "node:path";

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
}

/**
 * A tier in a process of its own, by the Bun that runs this one. It ends with its parent, even
 * where that is killed: `runTier` hears that the channel between them is gone.
 */
export class TierProcess {
  readonly #process: Bun.Subprocess;
  /** Its address once it listens, or undefined where it ended before. */
  readonly listening: Promise<string | undefined>;
  readonly ended: Promise<Ending>;

  constructor({ script, args = [], environment, root = ROOT }: TierProcessOptions) {
    const listening = Promise.withResolvers<string | undefined>();
    const ended = Promise.withResolvers<Ending>();
    this.listening = listening.promise;
    this.ended = ended.promise;
    this.#process = Bun.spawn([process.execPath, "--no-env-file", join(root, script), ...args], {
      env: { ...environment },
      stdio: ["ignore", "inherit", "inherit"],
      ipc: (message) => listening.resolve(listeningAddress(message)),
      onExit(_process, exitCode, signalCode) {
        listening.resolve(undefined);
        ended.resolve({ exitCode, signal: signalCode === null ? null : String(signalCode) });
      },
    });
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Let it finish what runs, and wait for its end. */
  async stop(): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.ended;
  }
}

const ROOT = join(import.meta.dir, "../..");

function listeningAddress(message: unknown): string | undefined {
  if (typeof message !== "object" || message === null || !("listening" in message))
    return undefined;
  return String(message.listening);
}
