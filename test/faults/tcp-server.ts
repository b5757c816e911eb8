import { Child } from "../child.ts";
import { freePort } from "../ports.ts";

/** Cheap hashing, and sessions that outlive the longest soak. */
const ENVIRONMENT = {
  PASSWORD_HASH: "argon2id:m=64,t=1,p=1",
  SESSION_TTL_SECONDS: "86400",
  SESSIONS_MAX: "1000",
};

interface TcpServerOptions {
  /** Default: the product's own. */
  readonly script?: string;
  /** In addition to the variables that every server here gets. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A TCP server that keeps its address through every restart. */
export class TcpServer implements AsyncDisposable {
  readonly port = freePort();
  readonly address = `127.0.0.1:${this.port}`;
  readonly #folder: string;
  readonly #options: TcpServerOptions;
  #process: Child | undefined;

  constructor(folder: string, options: TcpServerOptions = {}) {
    this.#folder = folder;
    this.#options = options;
  }

  get pid(): number {
    if (!this.#process) throw new Error("Cannot tell the server's pid: it was not started");
    return this.#process.pid;
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const { script = "src/tcp-main.ts", environment } = this.#options;
    const where = { DATA_DIR: this.#folder, RPC_PORT: `${this.port}` };
    this.#process = new Child(script, {
      environment: { ...where, ...ENVIRONMENT, ...environment },
    });
    await this.#process.listening();
  }

  /** Send a signal and wait for the end. Returns the exit code; null if the signal ended it. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<number | null> {
    this.#process?.kill(signal);
    return (await this.#process?.exited()) ?? null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
  }
}
