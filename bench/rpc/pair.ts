import { join } from "node:path";
import type { Round, RoundResult } from "./client-process.ts";
import type { ContenderName } from "./contenders.ts";

/** The server process and the client process of one contender. */
export class Pair implements AsyncDisposable {
  readonly #server: Bun.Subprocess;
  readonly #client: Bun.Subprocess;
  #onResult: (result: unknown) => void;

  private constructor(server: Bun.Subprocess, client: Bun.Subprocess) {
    this.#server = server;
    this.#client = client;
    this.#onResult = () => undefined;
  }

  /** @param flags options of Bun for each process */
  static async start(
    name: ContenderName,
    flags: (side: "server" | "client") => readonly string[] = () => [],
  ): Promise<Pair> {
    const served = Promise.withResolvers<unknown>();
    const server = spawn(flags("server"), "server-process.ts", [name], served.resolve);
    const { port } = Object(await served.promise);
    const ready = Promise.withResolvers<unknown>();
    let pair: Pair | undefined;
    const client = spawn(flags("client"), "client-process.ts", [name, `${port}`], (message) => {
      if (pair) pair.#onResult(message);
      else ready.resolve(message);
    });
    await ready.promise;
    pair = new Pair(server, client);
    return pair;
  }

  async measure(round: Round): Promise<RoundResult> {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    this.#onResult = resolve;
    this.#client.send(round);
    const result = await promise;
    if (!isResult(result)) throw new Error(`Cannot read result: ${JSON.stringify(result)}`);
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [this.#client, this.#server]) {
      // It ends when it is disconnected, and writes its profile if there is one.
      child.disconnect();
      await Promise.race([child.exited, Bun.sleep(5000)]);
      child.kill("SIGKILL");
      await child.exited;
    }
  }
}

function spawn(
  flags: readonly string[],
  script: string,
  args: string[],
  onMessage: (message: unknown) => void,
): Bun.Subprocess {
  return Bun.spawn([process.execPath, ...flags, join(import.meta.dir, script), ...args], {
    stdio: ["ignore", "inherit", "inherit"],
    ipc: onMessage,
    env: { ...process.env, NODE_ENV: "production" },
  });
}

function isResult(value: unknown): value is RoundResult {
  return typeof value === "object" && value !== null && "callsPerSecond" in value;
}
