// Two processes of each tier, as on two hosts, and a restart of all of them in turn.

import { Child } from "./child.ts";
import { freePort } from "./ports.ts";
import { readyz } from "./probes.ts";

type Environment = Readonly<Record<string, string>>;

/** A process that keeps its ports through every restart. */
class Restartable implements AsyncDisposable {
  readonly #script: string;
  readonly #environment: Environment;
  readonly #readyUrl: string;
  #process: Child | undefined;
  /** Warnings and errors that it has logged. */
  readonly problems: string[] = [];

  constructor(script: string, environment: Environment, readyUrl: string) {
    this.#script = script;
    this.#environment = environment;
    this.#readyUrl = readyUrl;
  }

  /** Resolves when `/readyz` answers 200, as `systemctl start` does. */
  async start(): Promise<void> {
    this.#process = new Child(this.#script, { environment: this.#environment });
    await this.#process.listening();
    await readyz(this.#readyUrl, 200);
  }

  /** As `systemctl restart` does. */
  async restart(): Promise<void> {
    this.#process?.kill("SIGTERM");
    const exitCode = await this.#process?.exited();
    this.#keepProblems();
    if (exitCode !== 0) throw new Error(`${this.#script} ended with ${exitCode}`);
    await this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.[Symbol.asyncDispose]();
    this.#keepProblems();
  }

  #keepProblems(): void {
    const lines = this.#process?.output.split("\n") ?? [];
    this.problems.push(...lines.filter((line) => /"level":"(warn|error)"/.test(line)));
    this.#process = undefined;
  }
}

export interface RollingOptions {
  /** DATA_DIR, and what else both tiers need. */
  readonly environment: Environment;
  readonly drainDelayMs: number;
  /** Between two restarts: until the proxies and the HTTP tier use the restarted process again. */
  readonly pauseMs: number;
}

export class RollingSite implements AsyncDisposable {
  /** URLs of the HTTP processes. */
  readonly urls: readonly [string, string];
  readonly #processes: readonly Restartable[];
  readonly #pauseMs: number;

  private constructor({ environment, drainDelayMs, pauseMs }: RollingOptions) {
    this.#pauseMs = pauseMs;
    const rpcPorts = [freePort(), freePort()];
    const httpPorts = [freePort(), freePort()] as const;
    const operatorPort = freePort();
    const RPC_ADDRESSES = rpcPorts.map((port) => `127.0.0.1:${port}`).join();
    const url = (port: number) => `http://127.0.0.1:${port}`;
    this.urls = [url(httpPorts[0]), url(httpPorts[1])];
    this.#processes = [
      ...rpcPorts.map((port, index) => {
        const operator = operatorPort + index;
        const own = { RPC_PORT: `${port}`, METRICS_PORT: `${operator}` };
        return new Restartable("src/tcp-main.ts", { ...environment, ...own }, url(operator));
      }),
      ...httpPorts.map((port) => {
        const own = { HTTP_PORT: `${port}`, RPC_ADDRESSES, DRAIN_DELAY_MS: `${drainDelayMs}` };
        return new Restartable("src/http-main.ts", { ...environment, ...own }, url(port));
      }),
    ];
  }

  static async start(options: RollingOptions): Promise<RollingSite> {
    const site = new RollingSite(options);
    for (const each of site.#processes) await each.start();
    return site;
  }

  /** Restart the TCP processes, then the HTTP processes, one at a time. */
  async restartAll(): Promise<void> {
    for (const each of this.#processes) {
      await each.restart();
      await Bun.sleep(this.#pauseMs);
    }
  }

  /** Warnings and errors of all processes. Complete when this is disposed. */
  get problems(): readonly string[] {
    return this.#processes.flatMap(({ problems }) => problems);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((each) => each[Symbol.asyncDispose]()));
  }
}
