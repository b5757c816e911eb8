import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { version } from "../package.json" with { type: "json" };
import { DURATION_BOUNDS } from "../src/rpc/durations.ts";
import {
  HTTP_METRICS,
  METRICS,
  PROCESS_METRICS,
  TCP_METRICS,
} from "../src/telemetry/metrics/catalogue.ts";
import { Folder, startHttp, startTcp } from "./child.ts";
import { pngOf } from "./contract/images.ts";
import { available as hasMariaDb, sharedMariaDb } from "./mariadb.ts";
import { isCounter, metricsUrl, parseSeries, readMetricsText, seriesOf } from "./metrics-of.ts";
import { parseMetrics, seriesKey } from "./prometheus-text.ts";
import { available as hasRedis, sharedRedis } from "./redis.ts";
import { eventually } from "./storage-pairs.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const API = "/api/entrytask/user";
const PICTURE = new Uint8Array(pngOf(8, 8, [1, 2, 3]));
const NO_PICTURE = new TextEncoder().encode("no picture");
const GRACE = { username: "grace", password: "hopper1906" };

/** Everything that a browser does in this test; each line says how it is answered. */
async function useIt(url: string, user: typeof GRACE): Promise<void> {
  const post = async (path: string, body: object, status: number, cookie = "") => {
    const headers = { "Content-Type": "application/json", Cookie: cookie };
    const answer = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
    await answer.text();
    expect(answer.status).toBe(status);
    return answer.headers
      .getSetCookie()
      .map((each) => each.split(";")[0])
      .join("; ");
  };
  const get = async (path: string, status: number, cookie = "") => {
    const answer = await fetch(url + path, { headers: { Cookie: cookie } });
    await answer.text();
    expect(answer.status).toBe(status);
  };
  await post(`${API}/signup`, user, 200);
  await post(`${API}/signup`, user, 409);
  const cookie = await post(`${API}/signin`, user, 200);
  await post(`${API}/signin`, { ...user, password: "wrong1906" }, 401);
  await post(`${API}/signin`, { ...user, username: "nobody" }, 404);
  await post(`${API}/signin`, { ...user, username: "" }, 400);
  for (let n = 0; n < 3; n++) await get(`${API}/get_user_info`, 200, cookie);
  await get(`${API}/get_user_info`, 401, "sessionID=unknown");
  await get("/nothing", 404);
  await post("/nothing", {}, 404);
  const upload = async (file: Uint8Array<ArrayBuffer>, status: number) => {
    const body = new FormData();
    body.set("profilePic", new Blob([file]));
    const path = `${url}${API}/update_profile_pic`;
    const answer = await fetch(path, { method: "POST", headers: { Cookie: cookie }, body });
    await answer.text();
    expect(answer.status).toBe(status);
  };
  await upload(PICTURE, 200);
  await upload(NO_PICTURE, 400);
}

type Metrics = Record<string, number>;

const requests = (method: string, route: string, status: number, count: number) => ({
  [seriesKey("http_server_request_duration_seconds_count", {
    http_request_method: method,
    http_route: route,
    http_response_status_code: `${status}`,
  })]: count,
});

/** The same calls on both sides. */
const calls = (side: "client" | "server", method: string, status: string, count: number) => ({
  [seriesKey(`rpc_${side}_call_duration_seconds_count`, {
    rpc_method: `User.${method}`,
    rpc_response_status_code: status,
  })]: count,
});

const allCalls = (side: "client" | "server") => ({
  ...calls(side, "signUp", "ok", 1),
  ...calls(side, "signUp", "UserExistedError", 1),
  ...calls(side, "signIn", "ok", 1),
  ...calls(side, "signIn", "PasswordError", 1),
  ...calls(side, "signIn", "UserNotExistError", 1),
  // Each upload reads the profile, too. The unknown session is none that a server could know.
  ...calls(side, "getUserInfo", "ok", 3 + 2),
  ...calls(side, "updateProfilePic", "ok", 1),
});

const operations = (system: string, operation: string) =>
  seriesKey("db_client_operation_duration_seconds_count", {
    db_system_name: system,
    db_operation_name: operation,
  });

const OPEN_CONNECTIONS = seriesKey("portico_rpc_server_connections", { state: "open" });

/** How many the client has, in any state. */
function connectionsOf(http: Metrics): number {
  const own = seriesOf(http, "portico_rpc_client_connections");
  return Object.values(own).reduce((sum, count) => sum + count, 0);
}

describe.if(hasMariaDb && hasRedis)("metrics of both tiers, on MariaDB and Redis", () => {
  let texts: string[];
  let http: Metrics;
  let tcp: Metrics;
  let http2: Metrics;
  let tcp2: Metrics;

  beforeAll(async () => {
    await using folder = await Folder.make();
    await using tcpTier = startTcp(folder.path, {
      DATABASE_URL: await (await sharedMariaDb()).createDatabase(),
      REDIS_URL: await (await sharedRedis()).createDatabase(),
      PASSWORD_HASH: "argon2id:m=64,t=1,p=1",
      METRICS_PORT: "0",
    });
    const environment = { METRICS_PORT: "0" };
    await using httpTier = startHttp(folder.path, await tcpTier.listening(), environment);
    const url = await httpTier.listening();
    const urls = [await metricsUrl(httpTier), await metricsUrl(tcpTier)];
    await useIt(url, GRACE);
    // One that is opening counts at the client first.
    await eventually("both tiers count the same connections", async () => {
      texts = await Promise.all(urls.map(readMetricsText));
      [http = {}, tcp = {}] = texts.map(parseSeries);
      return connectionsOf(http) === tcp[OPEN_CONNECTIONS];
    });
    await useIt(url, { ...GRACE, username: "other" });
    [http2 = {}, tcp2 = {}] = (await Promise.all(urls.map(readMetricsText))).map(parseSeries);
  });

  test("requests are counted by method, route and status", () => {
    expect(seriesOf(http, "http_server_request_duration_seconds_count")).toEqual({
      ...requests("POST", `${API}/signup`, 200, 1),
      ...requests("POST", `${API}/signup`, 409, 1),
      ...requests("POST", `${API}/signin`, 200, 1),
      ...requests("POST", `${API}/signin`, 401, 1),
      ...requests("POST", `${API}/signin`, 404, 1),
      ...requests("POST", `${API}/signin`, 400, 1),
      ...requests("GET", `${API}/get_user_info`, 200, 3),
      ...requests("GET", `${API}/get_user_info`, 401, 1),
      ...requests("POST", `${API}/update_profile_pic`, 200, 1),
      ...requests("POST", `${API}/update_profile_pic`, 400, 1),
      ...requests("GET", "unrouted", 404, 1),
      ...requests("POST", "unrouted", 404, 1),
    });
    expect(http["http_server_active_requests{}"]).toBe(0);
  });

  test("calls are counted by method and outcome on both sides, and by phase on the client", () => {
    // Reading the metrics asks whether the tier is ready, which is a call of its own.
    const ofUsers = (metrics: Readonly<Record<string, number>>, name: string) =>
      Object.fromEntries(
        Object.entries(seriesOf(metrics, name)).filter(([key]) => !key.includes("System.health")),
      );
    expect(ofUsers(http, "rpc_client_call_duration_seconds_count")).toEqual(allCalls("client"));
    expect(ofUsers(tcp, "rpc_server_call_duration_seconds_count")).toEqual(allCalls("server"));
    const allOfHttp = seriesOf(http, "rpc_client_call_duration_seconds_count");
    const count = Object.values(allOfHttp).reduce((sum, calls) => sum + calls, 0);
    const phase = "portico_rpc_client_phase_duration_seconds_count";
    expect(seriesOf(http, phase)).toEqual({
      [seriesKey(phase, { phase: "waiting_for_a_connection" })]: count,
      [seriesKey(phase, { phase: "connecting" })]: count,
      [seriesKey(phase, { phase: "queue" })]: count,
      [seriesKey(phase, { phase: "handler" })]: count,
    });
    expect(seriesOf(http, "portico_rpc_client_servers", "portico_rpc_client_retry_budget")).toEqual(
      {
        [seriesKey("portico_rpc_client_servers", { state: "up" })]: 1,
        "portico_rpc_client_retry_budget{}": 1000,
      },
    );
    const retries = ["portico_rpc_client_retries_total", "portico_rpc_client_calls_in_flight"];
    expect(seriesOf(http, ...retries)).toEqual({});
    expect(connectionsOf(http)).toBeGreaterThan(0);
  });

  test("a duration is the same in all parts of its histogram", () => {
    const labels = { rpc_method: "User.signIn", rpc_response_status_code: "ok" };
    const server = tcp[seriesKey("rpc_server_call_duration_seconds_sum", labels)] ?? 0;
    const client = http[seriesKey("rpc_client_call_duration_seconds_sum", labels)] ?? 0;
    expect(server).toBeGreaterThan(0);
    expect(client).toBeGreaterThan(server);
    const within = (le: number) =>
      tcp[seriesKey("rpc_server_call_duration_seconds_bucket", { ...labels, le: `${le}` })];
    for (const le of DURATION_BOUNDS) expect([le, within(le)]).toEqual([le, server <= le ? 1 : 0]);
  });

  test("pictures are counted, with their bytes", () => {
    expect(seriesOf(http, "portico_picture_decodes_total")).toEqual({
      [seriesKey("portico_picture_decodes_total", { outcome: "decoded" })]: 1,
      [seriesKey("portico_picture_decodes_total", { outcome: "refused" })]: 1,
    });
    expect(http["portico_picture_decode_duration_seconds_count{}"]).toBe(2);
    expect(http["portico_picture_input_bytes_total{}"]).toBe(PICTURE.length + NO_PICTURE.length);
    expect(http["portico_picture_output_bytes_total{}"]).toBeGreaterThan(0);
    expect(http["portico_picture_decodes_in_flight{}"]).toBe(0);
  });

  test("hashes, the throttle and the cache are counted", () => {
    // A sign-up whose name is taken, and a sign-in without a user, need no hash.
    expect(tcp["portico_hash_duration_seconds_count{}"]).toBe(3);
    expect(tcp["portico_hash_wait_duration_seconds_count{}"]).toBe(3);
    expect(
      seriesOf(tcp, "portico_throttle_admitted_total", "portico_throttle_failures_total"),
    ).toEqual({
      [seriesKey("portico_throttle_admitted_total", { kind: "sign_in" })]: 3,
      [seriesKey("portico_throttle_admitted_total", { kind: "sign_up" })]: 2,
      [seriesKey("portico_throttle_failures_total", { limit: "network" })]: 1,
      [seriesKey("portico_throttle_failures_total", { limit: "account" })]: 1,
    });
    const reads = seriesOf(tcp, "portico_cache_reads_total");
    const total = Object.values(reads).reduce((sum, count) => sum + count, 0);
    // Five by getUserInfo. updateProfilePic reads the session before and during the update, and a
    // reader of the row reads it once more: the profile is not cached for a while after an update.
    expect(total).toBe(8);
  });

  test("operations of databases are counted by their names", () => {
    const counts = seriesOf(tcp, "db_client_operation_duration_seconds_count");
    expect(counts).toMatchObject({
      [operations("mysql", "insert user")]: 1,
      [operations("mysql", "update profile path")]: 1,
      [operations("redis", "open session")]: 1,
      [operations("redis", "read session")]: 8,
    });
    expect(Object.keys(counts).filter((key) => key.includes("error_type"))).toEqual([]);
    expect(tcp["portico_mysql_connections_max{}"]).toBe(10);
    const [used, idle] = ["used", "idle"].map((state) =>
      seriesKey("portico_mysql_connections", { state }),
    );
    expect([tcp[used ?? ""], tcp[idle ?? ""]]).toEqual([0, 1]);
  });

  test("each tier describes its process and its build", () => {
    for (const [tier, metrics] of Object.entries({ http, tcp })) {
      const build = { tier, version, bun: Bun.version };
      expect(metrics[seriesKey("portico_build_info", build)]).toBe(1);
      const of = (name: string) => metrics[seriesKey(name, { tier })] ?? Number.NaN;
      expect(of("process_cpu_seconds_total")).toBeGreaterThan(0.05);
      expect(of("process_resident_memory_bytes")).toBeGreaterThan(20e6);
      expect(of("portico_ready_processes")).toBe(1);
      expect(of("process_open_fds")).toBeGreaterThan(5);
      expect(of("process_open_fds")).toBeLessThan(of("process_max_fds"));
      expect(Math.abs(Date.now() / 1000 - of("process_start_time_seconds"))).toBeLessThan(60);
      expect(of("portico_event_loop_delay_seconds_count")).toBeGreaterThan(0);
      expect(of("portico_log_lines_dropped_total")).toBe(0);
    }
  });

  test("every metric of the catalogue is there, in its tier, and no other", () => {
    const names = texts.map((text) => [...parseMetrics(text).keys()].toSorted());
    const both = Object.keys(PROCESS_METRICS);
    expect(names).toEqual([
      [...both, ...Object.keys(HTTP_METRICS)].toSorted(),
      [...both, ...Object.keys(TCP_METRICS)].toSorted(),
    ]);
    for (const text of texts) {
      for (const [name, { help, type }] of parseMetrics(text)) {
        const spec = METRICS[name];
        expect({ name, help, type }).toEqual({
          name,
          help: spec?.help ?? "",
          type: spec?.type ?? "",
        });
      }
    }
  });

  test("no counter falls", () => {
    for (const [before, after] of [
      [http, http2],
      [tcp, tcp2],
    ] as const) {
      const fallen = Object.entries(before).filter(
        ([key, value]) => isCounter(key) && (after[key] ?? 0) < value,
      );
      expect(fallen).toEqual([]);
    }
    expect(http2[Object.keys(requests("GET", `${API}/get_user_info`, 200, 6))[0] ?? ""]).toBe(6);
  });
});
