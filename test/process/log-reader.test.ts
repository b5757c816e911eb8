import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { Folder, ROOT } from "../child.ts";
import { freePort } from "../ports.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

// A tier that cannot write its log still answers, and still ends on SIGTERM.

/** Longer than the log may delay the end of a tier; far shorter than a hang. */
const MAX_END_MS = 8_000;
/** At level debug, the lines of so many requests exceed the 1 MiB that the log keeps. */
const MANY_REQUESTS = 9_000;
const REQUESTS = 1_000;

interface Sink extends Disposable {
  /** For stdout and stderr of a process. */
  readonly descriptor: number;
}

/** A full pipe without a reader at work. */
async function stalledPipe(folder: string): Promise<Sink> {
  const path = join(folder, "pipe");
  expect(await Bun.spawn(["mkfifo", path]).exited).toBe(0);
  const descriptor = openSync(path, constants.O_RDWR);
  // Opened again: O_NONBLOCK applies to all that share an open file.
  const filler = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  expect(() => {
    for (;;) writeSync(filler, Buffer.alloc(4096));
  }).toThrow("EAGAIN");
  closeSync(filler);
  return { descriptor, [Symbol.dispose]: () => closeSync(descriptor) };
}

/** A pipe whose reader is gone. */
async function closedPipe(folder: string): Promise<Sink> {
  const path = join(folder, "pipe");
  expect(await Bun.spawn(["mkfifo", path]).exited).toBe(0);
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const descriptor = openSync(path, constants.O_WRONLY);
  closeSync(reader);
  return { descriptor, [Symbol.dispose]: () => closeSync(descriptor) };
}

async function fullDisk(): Promise<Sink> {
  const descriptor = openSync("/dev/full", "w");
  return { descriptor, [Symbol.dispose]: () => closeSync(descriptor) };
}

interface Tier extends AsyncDisposable {
  /** Resolves to the exit code, or to "hangs". */
  end(): Promise<number | "hangs">;
}

function start(script: string, { descriptor }: Sink, environment: Record<string, string>): Tier {
  const tier = Bun.spawn([process.execPath, join(ROOT, script)], {
    env: { PATH: process.env.PATH ?? "", LOG_LEVEL: "debug", ...environment },
    stdio: ["ignore", descriptor, descriptor],
  });
  return {
    async end() {
      tier.kill("SIGTERM");
      return Promise.race([tier.exited, Bun.sleep(MAX_END_MS).then(() => "hangs" as const)]);
    },
    async [Symbol.asyncDispose]() {
      tier.kill("SIGKILL");
      await tier.exited;
    },
  };
}

/** Resolves to the status; undefined if no answer comes in time. */
async function ask(url: string): Promise<number | undefined> {
  const path = `${url}/api/entrytask/user/signin`;
  const body = JSON.stringify({ username: "nobody1", password: "hopper1906" });
  const headers = { "Content-Type": "application/json" };
  const signal = AbortSignal.timeout(5_000);
  return fetch(path, { method: "POST", body, headers, signal }).then(
    async (response) => {
      await response.text();
      return response.status;
    },
    () => undefined,
  );
}

async function untilAnswered(url: string): Promise<void> {
  for (const endsAt = performance.now() + 20_000; performance.now() < endsAt; ) {
    if ((await ask(url)) === 404) return;
    await Bun.sleep(50);
  }
  throw new Error("Both tiers do not answer");
}

/** The number of answers by status. */
async function askOften(url: string, times: number): Promise<Record<string, number>> {
  const statuses: Record<string, number> = {};
  let left = times;
  const client = async () => {
    while (left-- > 0) {
      const status = `${await ask(url)}`;
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status === "undefined") return;
    }
  };
  await Promise.all(Array.from({ length: 16 }, client));
  return statuses;
}

describe.each([
  ["a pipe that nothing reads", stalledPipe, MANY_REQUESTS],
  ["a closed pipe", closedPipe, REQUESTS],
  ["a full disk", fullDisk, REQUESTS],
])("with stdout and stderr on %s", (_name, open, requests) => {
  test("both tiers answer every request, and end on SIGTERM", async () => {
    await using folder = await Folder.make();
    using sink = await open(folder.path);
    const [httpPort, rpcPort] = [`${freePort()}`, `${freePort()}`];
    const shared = { DATA_DIR: folder.path, RPC_PORT: rpcPort, PASSWORD_HASH: "salted-md5" };
    await using tcp = start("src/tcp-main.ts", sink, shared);
    await using http = start("src/http-main.ts", sink, { ...shared, HTTP_PORT: httpPort });
    const url = `http://127.0.0.1:${httpPort}`;
    await untilAnswered(url);
    expect(await askOften(url, requests)).toEqual({ 404: requests });
    expect(await http.end()).toBe(0);
    expect(await tcp.end()).toBe(0);
  });

  test("bun run start answers every request, and ends on SIGTERM", async () => {
    await using folder = await Folder.make();
    using sink = await open(folder.path);
    const httpPort = `${freePort()}`;
    await using both = start("src/start-main.ts", sink, {
      DATA_DIR: folder.path,
      HTTP_PORT: httpPort,
      RPC_PORT: "0",
      HTTP_WORKERS: "2",
      PASSWORD_HASH: "salted-md5",
    });
    const url = `http://127.0.0.1:${httpPort}`;
    await untilAnswered(url);
    expect(await askOften(url, REQUESTS)).toEqual({ 404: REQUESTS });
    expect(await both.end()).toBe(0);
  });

  test("bun run dev starts, and ends on SIGTERM", async () => {
    await using folder = await Folder.make();
    using sink = await open(folder.path);
    const httpPort = `${freePort()}`;
    await using both = start("src/dev-main.ts", sink, {
      DATA_DIR: folder.path,
      HTTP_PORT: httpPort,
      RPC_PORT: `${freePort()}`,
    });
    await untilAnswered(`http://127.0.0.1:${httpPort}`);
    expect(await both.end()).toBe(0);
  });
});
