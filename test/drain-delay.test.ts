import { expect, setDefaultTimeout, test } from "bun:test";
import { Child, Folder, startHttp, startTcp } from "./child.ts";
import { freePort } from "./ports.ts";
import { ask, operatorUrl, readyz } from "./probes.ts";

// A load balancer has time to notice that a process is about to end.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const DELAY_MS = 6_000;
/** Shorter than the delay, and far longer than a busy machine needs to end a process. */
const AT_ONCE_MS = 5_000;
const CLIENTS = 4;

/** When a process logged a line, in ms. */
function loggedAt(child: Child, tier: string, message: string): number {
  const line = new RegExp(`"time":"([^"]+)","tier":"${tier}".*"msg":"${message}"`);
  return Date.parse(line.exec(child.output)?.[1] ?? "");
}

/**
 * Clients behind a load balancer: they send requests until `/readyz` says that the server is not
 * ready. A request that fails, or is refused, is counted.
 */
class Traffic {
  readonly statuses: (number | string)[] = [];
  answeredWhileDraining = 0;
  isDraining = false;
  #isOver = false;
  readonly #clients: Promise<unknown>;

  constructor(url: string, cookie: string) {
    this.#clients = Promise.all(Array.from({ length: CLIENTS }, () => this.#send(url, cookie)));
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#clients;
  }

  async #send(url: string, cookie: string): Promise<void> {
    while (!this.#isOver) {
      const isDraining = this.isDraining;
      const status = await fetch(`${url}/api/entrytask/user/get_user_info`, {
        headers: { Cookie: cookie },
      }).then(
        async (response) => {
          await response.text();
          return response.status;
        },
        (error: unknown) => String(error),
      );
      this.statuses.push(status);
      if (isDraining && status === 200) this.answeredWhileDraining++;
      await Bun.sleep(5);
    }
  }
}

async function signIn(url: string): Promise<string> {
  const post = (path: string) =>
    fetch(`${url}/api/entrytask/user/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ username: "grace", password: "hopper1906" }),
    });
  expect((await post("signup")).status).toBe(200);
  return (await post("signin")).headers.getSetCookie()[0]?.split(";")[0] ?? "";
}

test("`bun run start` takes requests until the delay is over, and delays once", async () => {
  await using folder = await Folder.make();
  const port = freePort();
  await using start = new Child("src/start-main.ts", {
    environment: {
      ...{ DATA_DIR: folder.path, HTTP_PORT: `${port}`, RPC_PORT: "0", METRICS_PORT: "0" },
      ...{ HTTP_WORKERS: "2", DRAIN_DELAY_MS: `${DELAY_MS}` },
    },
  });
  const operator = await operatorUrl(start);
  await start.waitFor(/"both tiers are running"/);
  const url = `http://127.0.0.1:${port}`;
  await readyz(operator, 200);
  const traffic = new Traffic(url, await signIn(url));

  // As to a process group: the workers get the signal too, and may get it first.
  const workers = [
    ...start.output.matchAll(/"tier":"(?:tcp|http)".*"pid":(\d+),"msg":"listening"/g),
  ];
  expect(workers).toHaveLength(3);
  for (const [, pid] of workers) process.kill(Number(pid), "SIGTERM");
  start.kill("SIGTERM");
  expect(await readyz(operator, 503)).toBe("draining");
  expect(await readyz(url, 503)).toBe("not ready");
  traffic.isDraining = true;
  start.kill("SIGTERM");
  // As a load balancer that notices after half of the delay.
  await Bun.sleep(DELAY_MS / 2);
  expect(await ask(url, "/livez")).toEqual({ status: 200, text: "alive" });
  await traffic.end();
  expect(traffic.answeredWhileDraining).toBeGreaterThan(CLIENTS);
  expect(new Set(traffic.statuses)).toEqual(new Set([200]));

  expect(await start.exited()).toBe(0);
  const at = (tier: string, message: string) => loggedAt(start, tier, message);
  expect(at("http", "closing") - at("http", "not ready any more")).toBeGreaterThan(DELAY_MS - 100);
  // The TCP tier stays until the HTTP tier has ended, and then does not wait.
  expect(at("tcp", "not ready any more")).toBeGreaterThanOrEqual(at("http", "closed"));
  expect(at("tcp", "closing")).toBeGreaterThanOrEqual(at("http", "closed"));
  expect(at("tcp", "closed") - at("http", "closed")).toBeLessThan(AT_ONCE_MS);
});

test("a tier alone has the delay; if its database is away, it ends at once", async () => {
  await using folder = await Folder.make();
  const environment = { METRICS_PORT: "0", DRAIN_DELAY_MS: `${DELAY_MS}` };
  await using tcp = startTcp(folder.path, environment);
  const rpcAddress = await tcp.listening();
  await using http = startHttp(folder.path, rpcAddress, environment);
  const url = await http.listening();
  await readyz(url, 200);
  for (const [tier, child] of [
    ["http", http],
    ["tcp", tcp],
  ] as const) {
    child.kill("SIGINT");
    expect(await readyz(await operatorUrl(child), 503)).toBe("draining");
    expect(await child.exited()).toBe(0);
    const waitedMs = loggedAt(child, tier, "closing") - loggedAt(child, tier, "not ready any more");
    expect(waitedMs).toBeGreaterThan(DELAY_MS - 100);
  }
  const databaseUrl = `mysql://portico:secret@127.0.0.1:${freePort()}/portico`;
  await using waiting = startTcp(folder.path, { ...environment, DATABASE_URL: databaseUrl });
  await waiting.waitFor(/waiting for MySQL/);
  waiting.kill("SIGTERM");
  expect(await waiting.exited()).toBe(0);
  expect(waiting.output).not.toContain("not ready any more");
});

test("an HTTP tier whose TCP server waits for its delay is not ready", async () => {
  await using folder = await Folder.make();
  await using tcp = startTcp(folder.path, { DRAIN_DELAY_MS: "60000" });
  await using http = startHttp(folder.path, await tcp.listening(), { METRICS_PORT: "0" });
  await http.listening();
  const operator = await operatorUrl(http);
  expect(await readyz(operator, 200)).toBe("ready");
  tcp.kill("SIGTERM");
  expect(await readyz(operator, 503)).toMatch(/^TCP server 127\.0\.0\.1:\d+: draining$/);
  tcp.kill("SIGKILL");
  await tcp.exited();
});

test("if the parent is killed, its tiers do not wait", async () => {
  await using folder = await Folder.make();
  const port = freePort();
  await using start = new Child("src/start-main.ts", {
    environment: {
      ...{ DATA_DIR: folder.path, HTTP_PORT: `${port}`, RPC_PORT: "0" },
      // Also if they wait already.
      DRAIN_DELAY_MS: "60000",
    },
  });
  await start.waitFor(/"both tiers are running"/);
  const [, pid] = await start.waitFor(/"pid":(\d+),"httpWorkers"/);
  start.kill("SIGTERM");
  await start.waitFor(/"tier":"http".*"not ready any more"/);
  process.kill(Number(pid), "SIGKILL");
  await start.waitFor(/"tier":"http".*"msg":"closed"/);
  await start.waitFor(/"tier":"tcp".*"msg":"closed"/);
});
