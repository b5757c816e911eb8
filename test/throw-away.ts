import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./ports.ts";

const START_TIMEOUT_MS = 60_000;
const PORT_ATTEMPTS = 5;
const LOG_TAIL_LINES = 20;

/** How to run one kind of server. */
export interface Recipe {
  /** As in "MariaDB", for messages. */
  readonly name: string;
  /** Fill a new, empty folder with what the server needs before its first start. */
  prepare?(folder: string): Promise<void>;
  command(folder: string, port: number): string[];
  /** Rejects while the server does not answer, or if another server answers on its port. */
  connect(port: number, its: { readonly pid: number; readonly folder: string }): Promise<void>;
}

/**
 * A real server with a port and a folder of its own. It ends with the test process, however that
 * one ends, and its folder is removed.
 */
export class ThrowAwayServer {
  readonly folder: string;
  readonly #recipe: Recipe;
  readonly #watchdog: Bun.Subprocess<"pipe", "ignore", "ignore">;
  #port = 0;
  #process: Bun.Subprocess | undefined;

  private constructor(recipe: Recipe, folder: string) {
    this.#recipe = recipe;
    this.folder = folder;
    this.#watchdog = watchFolder(folder);
  }

  /** @param port default: a free one */
  static async start(recipe: Recipe, port?: number): Promise<ThrowAwayServer> {
    const folder = await mkdtemp(join(tmpdir(), `portico-${recipe.name.toLowerCase()}-`));
    const server = new ThrowAwayServer(recipe, folder);
    try {
      await recipe.prepare?.(folder);
      if (port === undefined) await server.#startOnFreePort();
      else await server.#startOn(port);
      return server;
    } catch (error) {
      await server.dispose();
      throw error;
    }
  }

  get port(): number {
    return this.#port;
  }

  get pid(): number {
    if (!this.#process) throw new Error(`${this.#recipe.name} is not running`);
    return this.#process.pid;
  }

  /** Kill the server, as in a crash. Its data stay. */
  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#process?.exited;
    this.#process = undefined;
  }

  /** Start again after `kill`, on the same port and data. */
  async restart(): Promise<void> {
    await this.kill();
    await this.#run();
  }

  /** After `kill`, run the server's command with one more option until it ends. Returns its log. */
  async runOnce(option: string): Promise<string> {
    const command = [...this.#recipe.command(this.folder, this.#port), option];
    const server = Bun.spawn(command, { cwd: this.folder, stdio: ["ignore", "ignore", "pipe"] });
    return new Response(server.stderr).text();
  }

  async dispose(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
    this.#watchdog.stdin.end();
    await this.#watchdog.exited;
  }

  /** Tries again if another process takes the free port before the server listens on it. */
  async #startOnFreePort(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      this.#port = freePort();
      try {
        await this.#run();
        return;
      } catch (error) {
        if (this.#process || attempt === PORT_ATTEMPTS) throw error;
      }
    }
  }

  async #startOn(port: number): Promise<void> {
    this.#port = port;
    await this.#run();
  }

  /** @throws Error with the end of the server's log; `#process` is set if it still runs */
  async #run(): Promise<void> {
    const log = Bun.file(join(this.folder, "server.log"));
    // The shell becomes the server, so the watchdog knows the pid before the server starts.
    const command = ["sh", "-c", 'echo $$ > pid; exec "$@" > server.log 2>&1', "sh"];
    const server = Bun.spawn([...command, ...this.#recipe.command(this.folder, this.#port)], {
      cwd: this.folder,
      env: { ...process.env, TMPDIR: this.folder },
      stdio: ["ignore", "ignore", "ignore"],
    });
    server.unref();
    this.#process = server;

    const endsAtMs = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      try {
        const its = { pid: server.pid, folder: this.folder };
        if (server.exitCode === null) return await this.#recipe.connect(this.#port, its);
        this.#process = undefined;
        throw new Error("it ended");
      } catch (cause) {
        if (this.#process && performance.now() < endsAtMs) {
          await Bun.sleep(50);
          continue;
        }
        const tail = (await log.text()).trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
        throw new Error(`Cannot start ${this.#recipe.name}: ${cause}, its log:\n${tail}`, {
          cause,
        });
      }
    }
  }
}

/**
 * Start a watchdog that kills the server of a folder and removes the folder when this process ends.
 *
 * It waits for the end of its standard input, which comes when this process ends, even by SIGKILL.
 * It is detached, so that a signal to the process group (Ctrl-C, a runner's time limit) does not
 * end it first.
 */
export function watchFolder(folder: string): Bun.Subprocess<"pipe", "ignore", "ignore"> {
  const script = `read -r _
    test -e pid && kill -9 "$(cat pid)" && sleep 0.2
    rm -rf "$1" || { sleep 1; rm -rf "$1"; }`;
  const watchdog = Bun.spawn(["sh", "-c", script, "sh", folder], {
    cwd: folder,
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  watchdog.unref();
  return watchdog;
}
