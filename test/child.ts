// The tiers as child processes, for tests that start, signal and kill them.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "..");

/** How long to wait for the end of the output after the end of the process. */
const MAX_OUTPUT_MS = 10_000;

interface ProcessOptions {
  readonly root?: string;
  readonly environment?: Record<string, string>;
  readonly args?: readonly string[];
  /** Runs `script`, in place of Bun. */
  readonly program?: readonly string[];
  /** A command prefix, as in `nice -n 5`. */
  readonly wrapper?: readonly string[];
}

/**
 * Runs a command, and kills it when this process ends, even by SIGKILL: the watchdog in the
 * background then reads the end of its standard input. The shell becomes the command, so the pid is
 * the command's. After the command has ended, a line on standard input ends the watchdog, because
 * the pid may belong to another process by then.
 */
const GUARDED = `exec 3<&0
  (read -r _ || kill -9 $$) <&3 3<&- > /dev/null 2>&1 &
  exec "$@" < /dev/null 3<&-`;

/** A script of Portico in a child process. It ends with this process, however this one ends. */
export class Child implements AsyncDisposable {
  readonly #process: Bun.Subprocess<"pipe", "pipe", "pipe">;
  /** Its output so far. */
  output = "";
  readonly #read: Promise<unknown>;

  /** @param script a file, the name of a script of package.json, or a command of `program` */
  constructor(
    script: string,
    { root = ROOT, environment = {}, args = [], wrapper = [], program }: ProcessOptions,
  ) {
    const { PATH = "", TMPDIR = tmpdir() } = process.env;
    const what = script.endsWith(".ts") ? [join(root, script)] : ["run", script];
    const started = program ? [...program, script] : [process.execPath, ...what];
    const command = [...wrapper, ...started, ...args];
    this.#process = Bun.spawn(["sh", "-c", GUARDED, "sh", ...command], {
      cwd: root,
      env: { PATH, TMPDIR, ...environment },
      stdio: ["pipe", "pipe", "pipe"],
    });
    void this.#process.exited.then(() => {
      this.#process.stdin.write("\n");
      this.#process.stdin.end();
    });
    this.#read = Promise.all([
      this.#collect(this.#process.stdout),
      this.#collect(this.#process.stderr),
    ]);
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.output += decoder.decode(chunk, { stream: true });
  }

  /** Resolves to the match once the output has one. */
  async waitFor(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.output);
      if (match) return match;
      if (this.#process.exitCode !== null) throw new Error(`It ended: ${this.output}`);
      await Bun.sleep(20);
    }
  }

  async listening(): Promise<string> {
    const [, address = ""] = await this.waitFor(/"address":"([^"]+)".*"msg":"listening"/);
    return address;
  }

  get pid(): number {
    return this.#process.pid;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  async exited(): Promise<number | null> {
    await this.#process.exited;
    // In about one of fifty ends by SIGKILL, Bun does not report the end of the output, although no
    // process holds the other end of the pipe any more.
    await Promise.race([this.#read, Bun.sleep(MAX_OUTPUT_MS)]);
    return this.#process.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.exited();
  }
}

/** A throw-away folder. */
export class Folder implements AsyncDisposable {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async make(): Promise<Folder> {
    return new Folder(await mkdtemp(join(tmpdir(), "portico-")));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

export const startTcp = (dataDir: string, environment: Record<string, string> = {}) =>
  new Child("src/tcp-main.ts", {
    environment: { DATA_DIR: dataDir, RPC_PORT: "0", ...environment },
  });
export const startHttp = (dataDir: string, rpcAddress: string, environment = {}) =>
  new Child("src/http-main.ts", {
    environment: { DATA_DIR: dataDir, HTTP_PORT: "0", RPC_ADDRESSES: rpcAddress, ...environment },
  });
