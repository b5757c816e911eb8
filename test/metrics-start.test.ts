import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { load } from "../src/config/load.ts";
import { TCP_TIER } from "../src/config/tcp.ts";
import { startTcp } from "../src/tcp-main.ts";
import { createLog } from "../src/telemetry/log.ts";
import { Child, Folder } from "./child.ts";
import { isCounter, metricsUrl, parseSeries, readMetricsText } from "./metrics-of.ts";
import { freePort } from "./ports.ts";
import { seriesKey } from "./prometheus-text.ts";
import { eventually } from "./storage-pairs.ts";

// Many processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const GET_404 = seriesKey("http_server_request_duration_seconds_count", {
  http_request_method: "GET",
  http_route: "unrouted",
  http_response_status_code: "404",
});

const up = (tier: string, worker: string) => seriesKey("portico_worker_up", { tier, worker });

/** `bun run start` with two processes of the HTTP tier. */
async function startTwo(folder: Folder) {
  const httpPort = `${freePort()}`;
  const start = new Child("src/start-main.ts", {
    environment: {
      ...{ DATA_DIR: folder.path, STORAGE: "embedded", HTTP_PORT: httpPort, RPC_PORT: "0" },
      ...{ HTTP_WORKERS: "2", METRICS_PORT: "0" },
    },
  });
  await start.waitFor(/"both tiers are running"/);
  const url = await metricsUrl(start);
  /** Each on a new connection: the kernel spreads connections over the processes. */
  const ask = async (count: number) => {
    for (let n = 0; n < count; n++) {
      const answer = await fetch(`http://127.0.0.1:${httpPort}/nothing`, {
        headers: { Connection: "close" },
        keepalive: false,
      });
      await answer.text();
    }
  };
  return { start, ask, read: async () => parseSeries(await readMetricsText(url)) };
}

describe("metrics of `bun run start`", () => {
  test("all processes are added up, and no counter falls if one hangs and is replaced", async () => {
    await using folder = await Folder.make();
    const { start, ask, read } = await startTwo(folder);
    await using _ending = start;
    await ask(40);
    // A process that has begun before its TCP server tries again.
    const servers = seriesKey("portico_rpc_client_servers", { state: "up" });
    await eventually("both know the TCP server", async () => (await read())[servers] === 2);
    const before = await read();
    expect(before).toMatchObject({
      [GET_404]: 40,
      [up("http", "0")]: 1,
      [up("http", "1")]: 1,
      [up("tcp", "0")]: 1,
      "portico_rpc_client_retry_budget{}": 2000,
      [seriesKey("portico_build_info", { tier: "http", version: "0.1.0", bun: Bun.version })]: 1,
    });

    const [, pid] = await start.waitFor(/"tier":"http","address":"[^"]+","pid":(\d+)/);
    process.kill(Number(pid), "SIGSTOP");
    const during = await read();
    expect([during[up("http", "0")], during[up("http", "1")]].toSorted()).toEqual([0, 1]);
    expect(during[GET_404]).toBe(40);
    expect(during["portico_rpc_client_retry_budget{}"]).toBe(1000);

    // It is killed because its beats have stopped, and another takes its place.
    await eventually("both processes answer", async () => {
      const now = await read();
      return now[up("http", "0")] === 1 && now[up("http", "1")] === 1;
    });
    await ask(10);
    const after = await read();
    expect(after[GET_404]).toBe(50);
    const fallen = Object.entries(before).filter(
      ([key, value]) => isCounter(key) && (after[key] ?? 0) < value,
    );
    expect(fallen).toEqual([]);
  });
});

test("without METRICS_PORT, a tier counts nothing for metrics", async () => {
  await using folder = await Folder.make();
  const log = createLog("tcp", "silent", false);
  const environment = { DATA_DIR: folder.path, RPC_PORT: "0" };
  for (const [METRICS_PORT, isMeasured] of [
    ["", false],
    ["0", true],
  ] as const) {
    const tier = await startTcp(load(TCP_TIER, { ...environment, METRICS_PORT }), log);
    expect(tier.metrics !== undefined).toBe(isMeasured);
    await tier.close(0);
  }
});
