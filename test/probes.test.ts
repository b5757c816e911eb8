import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { createConnection } from "mysql2/promise";
import { Child, Folder, startHttp, startTcp } from "./child.ts";
import { freeze } from "./freeze.ts";
import { available as hasMariaDb, startMariaDb } from "./mariadb.ts";
import { parseSeries, readMetricsText } from "./metrics-of.ts";
import { freePort } from "./ports.ts";
import { ask, operatorUrl, readyz } from "./probes.ts";
import { askRedis, available as hasRedis, startRedis } from "./redis.ts";

// What probes are told while databases and processes fail.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

/** Far longer than the second that an answer may take, and far shorter than a hang. */
const MAX_ANSWER_MS = 10_000;

const OPERATOR = { METRICS_PORT: "0" };

describe.skipIf(!hasMariaDb || !hasRedis)("a TCP tier with MariaDB and Redis", () => {
  test("is ready while both take writes, and says why not", async () => {
    await using folder = await Folder.make();
    await using mariaDb = await startMariaDb();
    await using redis = await startRedis();
    const redisPort = Number(new URL(redis.url).port);
    await using tcp = startTcp(folder.path, {
      ...OPERATOR,
      DATABASE_URL: await mariaDb.createDatabase(),
      REDIS_URL: await redis.createDatabase(),
    });
    const url = await operatorUrl(tcp);
    expect(await readyz(url, 200)).toBe("ready");

    const root = await createConnection(mariaDb.url);
    await root.query("SET GLOBAL read_only = 1");
    await readyz(url, 503, /^Cannot ping MySQL: the server is read-only/);
    await root.query("SET GLOBAL read_only = 0");
    await root.end();
    await readyz(url, 200);

    await askRedis(redisPort, (raw) => raw.config("SET", "maxmemory", "1"));
    await readyz(url, 503, /^Cannot ping Redis: OOM/);
    await askRedis(redisPort, (raw) => raw.config("SET", "maxmemory", "0"));
    await readyz(url, 200);

    const ready = async () =>
      parseSeries(await readMetricsText(`${url}/metrics`))['portico_ready_processes{tier="tcp"}'];
    expect(await ready()).toBe(1);
    await mariaDb.kill();
    const text = await readyz(url, 503, /^Cannot ping MySQL: .*ECONNREFUSED/);
    expect(await ready()).toBe(0);
    expect(text).not.toContain("secret");
    // The process itself has no fault: a restart would not help.
    expect(await ask(url, "/livez")).toEqual({ status: 200, text: "alive" });
    await mariaDb.restart();
    await readyz(url, 200);

    await freeze(mariaDb.pid);
    const begunAt = performance.now();
    await readyz(url, 503, /^MySQL: no answer within \d+ ms$|^Cannot ping MySQL: /);
    expect((await ask(url, "/readyz")).status).toBe(503);
    expect(performance.now() - begunAt).toBeLessThan(MAX_ANSWER_MS);
    process.kill(mariaDb.pid, "SIGCONT");
    await readyz(url, 200);
  });

  test("that waits for its database is alive, and not ready", async () => {
    await using folder = await Folder.make();
    await using mariaDb = await startMariaDb();
    const database = await mariaDb.createDatabase();
    await mariaDb.kill();
    await using tcp = startTcp(folder.path, { ...OPERATOR, DATABASE_URL: database });
    const url = await operatorUrl(tcp);
    await tcp.waitFor(/waiting for MySQL/);
    expect(await ask(url, "/livez")).toEqual({ status: 200, text: "alive" });
    expect(await ask(url, "/readyz")).toEqual({ status: 503, text: "starting" });
    await mariaDb.restart();
    await readyz(url, 200);
  });
});

test("an HTTP tier is ready while one of its TCP servers is", async () => {
  await using one = await Folder.make();
  await using two = await Folder.make();
  const ports = [freePort(), freePort()];
  const start = (folder: Folder, port = 0) => startTcp(folder.path, { RPC_PORT: `${port}` });
  await using first = start(one, ports[0]);
  await using second = start(two, ports[1]);
  const addresses = ports.map((port) => `127.0.0.1:${port}`);
  await using http = startHttp(one.path, addresses.join(), { ...OPERATOR, ACCESS_LOG: "all" });
  const operator = await operatorUrl(http);
  const url = await http.listening();
  await Promise.all([first.listening(), second.listening()]);
  await readyz(url, 200);

  const pid = async (child: Child) =>
    Number((await child.waitFor(/"pid":(\d+),"msg":"listening"/))[1]);
  const [firstPid, secondPid] = [await pid(first), await pid(second)];
  await freeze(firstPid);
  // Several rounds of checks: the result of one is kept for a second.
  for (let round = 0; round < 3; round++) {
    await Bun.sleep(1_100);
    await readyz(url, 200);
  }
  await freeze(secondPid);
  expect(await readyz(url, 503)).toBe("not ready");
  const begunAt = performance.now();
  const reasons = await readyz(operator, 503);
  expect(performance.now() - begunAt).toBeLessThan(MAX_ANSWER_MS);
  for (const address of addresses) expect(reasons).toContain(`TCP server ${address}: `);
  expect(await ask(url, "/livez")).toEqual({ status: 200, text: "alive" });
  process.kill(firstPid, "SIGCONT");
  await readyz(url, 200);

  first.kill("SIGKILL");
  await first.exited();
  await readyz(operator, 503, /Cannot reach /);
  await using again = start(one, ports[0]);
  await again.listening();
  await readyz(url, 200);
  process.kill(secondPid, "SIGCONT");
  // Each change is a line, and no probe is. On a busy machine, there may be more changes.
  await http.waitFor(/("msg":"not ready"[\s\S]*"msg":"ready again"[\s\S]*){2}/);
  const changes = http.output.match(/"not ready"|"ready again"/g) ?? [];
  for (const [index, change] of changes.entries()) {
    expect(change).toBe(index % 2 === 0 ? '"not ready"' : '"ready again"');
  }
  expect(http.output).not.toContain('"route":"/readyz"');
  expect(http.output).not.toMatch(/"level":"error"/);
});

describe("the port of the operator", () => {
  test("is the reason if it is in use", async () => {
    await using folder = await Folder.make();
    // Ours must not share the port even if the other would.
    const sharing = { hostname: "127.0.0.1", port: 0, reusePort: true };
    using taken = Bun.serve({ ...sharing, fetch: () => new Response() });
    const environment = { METRICS_PORT: `${taken.port}` };
    const options = { ...environment, DATA_DIR: folder.path, HTTP_PORT: "0", RPC_PORT: "0" };
    const dev = new Child("src/dev-main.ts", { environment: options });
    const children = [
      startTcp(folder.path, environment),
      startHttp(folder.path, "127.0.0.1:1", environment),
      new Child("src/start-main.ts", { environment: options }),
      dev,
    ];
    for (const child of children) {
      await using each = child;
      expect(await each.exited()).toBe(1);
      expect(each.output).toContain(
        `Cannot listen on 127.0.0.1:${taken.port} (METRICS_HOST, METRICS_PORT): ` +
          "the port is in use. Set METRICS_PORT to another",
      );
    }
  });

  test("of `bun run start` answers for all processes, also while one stands still", async () => {
    await using folder = await Folder.make();
    const environment = { ...OPERATOR, DATA_DIR: folder.path, HTTP_PORT: "0", RPC_PORT: "0" };
    await using start = new Child("src/start-main.ts", {
      environment: { ...environment, HTTP_WORKERS: "2" },
    });
    const url = await operatorUrl(start);
    await start.waitFor(/"both tiers are running"/);
    await readyz(url, 200);
    const pids = (tier: string) =>
      Array.from(
        start.output.matchAll(new RegExp(`"tier":"${tier}".*"pid":(\\d+),"msg":"listening"`, "g")),
        ([, pid]) => Number(pid),
      );
    const [tcp = 0] = pids("tcp");
    const [http = 0] = pids("http");
    await freeze(http);
    // The other process of the tier is ready.
    await Bun.sleep(1_100);
    await readyz(url, 200);
    process.kill(http, "SIGCONT");

    await freeze(tcp);
    const begunAt = performance.now();
    const reasons = await readyz(url, 503, /^tcp/);
    expect(performance.now() - begunAt).toBeLessThan(MAX_ANSWER_MS);
    expect(reasons).toStartWith(`tcp, process ${tcp}: did not answer within 1 s`);
    process.kill(tcp, "SIGCONT");
    await readyz(url, 200);

    process.kill(tcp, "SIGKILL");
    await readyz(url, 503, /^tcp, process \d+: (has ended|did not answer|starting)/);
    await readyz(url, 200);
    expect(await ask(url, "/livez")).toEqual({ status: 200, text: "alive" });
    expect((await ask(url, "/elsewhere")).status).toBe(404);
  });
});

test("bun run dev with free ports is ready: its HTTP tier knows the port of the TCP tier", async () => {
  await using folder = await Folder.make();
  const ports = { HTTP_PORT: "0", RPC_PORT: "0", METRICS_PORT: "0" };
  await using dev = new Child("src/dev-main.ts", {
    environment: { ...ports, DATA_DIR: folder.path },
  });
  const [, url = ""] = await dev.waitFor(/Metrics +(http:\S+)\/metrics/);
  expect(await readyz(url, 200)).toBe("ready");
});
