import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { type Child, Folder, startHttp, startTcp } from "./child.ts";
import { Collector, type ExportedSpan, treeOf } from "./collector.ts";
import { sharedAvailable as hasMariaDb, sharedMariaDb } from "./mariadb.ts";
import { sharedAvailable as hasRedis, sharedRedis } from "./redis.ts";

// Both tiers as processes, with an exporter by OTEL_ variables alone.

// Processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(90_000);

const API = "/api/entrytask/user";
const GRACE = { username: "grace", password: "hopper1906" };
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SAMPLED = `00-${TRACE}-b7ad6b7169203331-01`;
const UNSAMPLED = `00-${TRACE}-b7ad6b7169203331-00`;

type Environment = Readonly<Record<string, string>>;

/** Both tiers in processes of their own. */
class Tiers implements AsyncDisposable {
  readonly tcp: Child;
  readonly http: Child;
  readonly rpcAddress: string;
  readonly url: string;
  readonly #owned: AsyncDisposableStack;

  private constructor(
    tcp: Child,
    http: Child,
    rpc: string,
    url: string,
    owned: AsyncDisposableStack,
  ) {
    this.tcp = tcp;
    this.http = http;
    this.rpcAddress = rpc;
    this.url = url;
    this.#owned = owned;
  }

  static async start(environment: Environment, forTcp: Environment = {}): Promise<Tiers> {
    await using owned = new AsyncDisposableStack();
    const { path } = owned.use(await Folder.make());
    const light = { PASSWORD_HASH: "argon2id:m=64,t=1,p=1" };
    const tcp = owned.use(startTcp(path, { ...light, ...environment, ...forTcp }));
    const rpcAddress = await tcp.listening();
    const http = owned.use(startHttp(path, rpcAddress, environment));
    return new Tiers(tcp, http, rpcAddress, await http.listening(), owned.move());
  }

  post(name: string, body: object, headers: Environment = {}): Promise<Response> {
    return fetch(`${this.url}${API}/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  }

  /** Sign up and in. Returns the cookies. */
  async signIn(username = GRACE.username): Promise<string> {
    const credentials = { ...GRACE, username };
    expect((await this.post("signup", { ...credentials, nickname: "g" })).status).toBe(200);
    const answer = await this.post("signin", credentials);
    expect(answer.status).toBe(200);
    return answer.headers
      .getSetCookie()
      .map((cookie) => cookie.split(";")[0])
      .join("; ");
  }

  userInfo(cookie: string): Promise<Response> {
    return fetch(`${this.url}${API}/get_user_info`, { headers: { cookie } });
  }

  /** End both as an operator does, and wait until they have exported all. */
  async stop(): Promise<void> {
    this.http.kill("SIGTERM");
    await this.http.exited();
    this.tcp.kill("SIGTERM");
    await this.tcp.exited();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync();
  }
}

/** The traces in the order of their beginning. */
function tracesOf(spans: readonly ExportedSpan[]): ExportedSpan[][] {
  const beginning = (trace: readonly ExportedSpan[]) =>
    Math.min(...trace.map(({ startedAtNs }) => startedAtNs));
  const traces = [...Map.groupBy(spans, ({ traceId }) => traceId).values()];
  return traces.toSorted((a, b) => beginning(a) - beginning(b));
}

function attributesOf(trace: readonly ExportedSpan[], name: string, kind: string) {
  return trace.find((span) => span.name === name && span.kind === kind)?.attributes;
}

const USER_INFO = [
  `portico-http server GET ${API}/get_user_info`,
  "  portico-http client User.getUserInfo",
  "    portico-tcp server User.getUserInfo",
  "      portico-tcp client read session",
];

describe.skipIf(!hasMariaDb || !hasRedis)("with MariaDB and Redis", () => {
  let stores: { readonly DATABASE_URL: string; readonly REDIS_URL: string };
  let ports: { readonly mysql: number; readonly redis: number };
  beforeAll(async () => {
    stores = {
      DATABASE_URL: await (await sharedMariaDb()).createDatabase(),
      REDIS_URL: await (await sharedRedis()).createDatabase(),
    };
    ports = {
      mysql: Number(new URL(stores.DATABASE_URL).port),
      redis: Number(new URL(stores.REDIS_URL).port),
    };
  });

  test("a request is one trace, from the request to the operations of both databases", async () => {
    using collector = new Collector();
    await using tiers = await Tiers.start(collector.environment, stores);
    const cookie = await tiers.signIn();
    const info = await tiers.userInfo(cookie);
    const requestId = info.headers.get("X-Request-Id");
    expect((await tiers.post("signin", { ...GRACE, password: "wrong1906" })).status).toBe(401);
    await tiers.stop();

    const [signUp = [], signIn = [], userInfo = [], refused = [], ...more] = tracesOf(
      collector.spans,
    );
    expect(more).toEqual([]);
    expect(treeOf(signUp)).toEqual([
      `portico-http server POST ${API}/signup`,
      "  portico-http client User.signUp",
      "    portico-tcp server User.signUp",
      "      portico-tcp client count a failure",
      "      portico-tcp client drop profile",
      "      portico-tcp client insert user",
      "      portico-tcp client invalidate profile",
      "      portico-tcp client list sessions",
      "      portico-tcp client read user",
    ]);
    // Soon after a sign-up, the row is read twice.
    expect([...new Set(treeOf(signIn))]).toEqual([
      `portico-http server POST ${API}/signin`,
      "  portico-http client User.signIn",
      "    portico-tcp server User.signIn",
      "      portico-tcp client lease the cache",
      "      portico-tcp client open session",
      "      portico-tcp client read user",
    ]);
    expect(treeOf(userInfo)).toEqual(USER_INFO);
    expect(attributesOf(userInfo, `GET ${API}/get_user_info`, "server")).toEqual({
      "http.request.method": "GET",
      "http.route": `${API}/get_user_info`,
      "http.response.status_code": 200,
      "url.scheme": "http",
      "url.path": `${API}/get_user_info`,
      "server.address": "127.0.0.1",
      "server.port": Number(new URL(tiers.url).port),
      "client.address": "127.0.0.1",
      "portico.request_id": requestId,
    });
    const rpc = {
      "rpc.system.name": "portico",
      "rpc.method": "User.getUserInfo",
      "rpc.response.status_code": "ok",
      "server.address": "127.0.0.1",
      "server.port": Number(tiers.rpcAddress.split(":")[1]),
      "portico.request_id": requestId,
    };
    expect(attributesOf(userInfo, "User.getUserInfo", "client")).toEqual(rpc);
    expect(attributesOf(userInfo, "User.getUserInfo", "server")).toEqual({
      ...rpc,
      "client.address": "127.0.0.1",
    });
    expect(attributesOf(userInfo, "read session", "client")).toMatchObject({
      "db.system.name": "redis",
      "db.operation.name": "read session",
      "db.query.summary": "read session",
      "server.address": "127.0.0.1",
      "server.port": ports.redis,
    });
    expect(attributesOf(signUp, "insert user", "client")).toMatchObject({
      "db.system.name": "mysql",
      "server.port": ports.mysql,
      "db.namespace": new URL(stores.DATABASE_URL).pathname.slice(1),
    });
    // An error of the contract is an answer.
    expect(attributesOf(refused, "User.signIn", "server")).toMatchObject({
      "rpc.response.status_code": "PasswordError",
    });
    expect(collector.spans.filter(({ isError }) => isError)).toEqual([]);
    expect(collector.spans.filter(({ attributes }) => "error.type" in attributes)).toEqual([]);
  });

  test("of 1,000 requests at once, a tenth is traced, and each trace is whole", async () => {
    using collector = new Collector();
    const ratio = { OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.1" };
    await using tiers = await Tiers.start({ ...collector.environment, ...ratio }, stores);
    const cookie = await tiers.signIn("turing");
    await tiers.userInfo(cookie);
    for (let round = 0; round < 20; round++) {
      const answers = Array.from({ length: 50 }, () => tiers.userInfo(cookie));
      for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
    }
    await tiers.stop();

    const traces = tracesOf(collector.spans).filter((trace) => hasName(trace, "User.getUserInfo"));
    // Five standard deviations of a binomial distribution.
    expect(traces.length).toBeWithin(53, 148);
    for (const trace of traces) expect(treeOf(trace)).toEqual(USER_INFO);
    const sizes = collector.spans.flatMap(({ attributes }) =>
      Number(attributes["db.operation.batch.size"] ?? 1),
    );
    expect(Math.max(...sizes)).toBeGreaterThan(1);
  });
});

function hasName(trace: readonly ExportedSpan[], wanted: string): boolean {
  return trace.some(({ name }) => name === wanted);
}

describe("traceparent", () => {
  /** What is traced of one request with this header, and its trace. */
  async function traced(environment: Environment, headers: Environment) {
    using collector = new Collector();
    await using tiers = await Tiers.start({ ...collector.environment, ...environment });
    const { status } = await tiers.post("signin", GRACE, headers);
    await tiers.stop();
    const [trace = [], ...more] = tracesOf(collector.spans);
    expect(more).toEqual([]);
    return {
      status,
      trace,
      root: trace.find(({ kind, name }) => kind === "server" && name.startsWith("POST")),
      log: tiers.http.output,
    };
  }
  const PROXY = { TRUSTED_PROXIES: "127.0.0.1" };
  const NONE = { OTEL_TRACES_SAMPLER: "parentbased_always_off", ACCESS_LOG: "all" };

  test("of a trusted proxy is continued, and decides with a parent-based sampler", async () => {
    const { root, trace, log } = await traced({ ...PROXY, ...NONE }, { traceparent: SAMPLED });
    expect(root).toMatchObject({ traceId: TRACE, parentSpanId: SAMPLED.split("-")[2], links: [] });
    expect(trace.map(({ service }) => service)).toContain("portico-tcp");
    expect(log).toContain(`"traceId":"${TRACE}"`);
    const on = { OTEL_TRACES_SAMPLER: "parentbased_always_on" };
    expect((await traced({ ...PROXY, ...on }, { traceparent: UNSAMPLED })).trace).toEqual([]);
  });

  test("of a trusted proxy is continued by the decision of another sampler", async () => {
    const always = { OTEL_TRACES_SAMPLER: "always_on" };
    const { root } = await traced({ ...PROXY, ...always }, { traceparent: UNSAMPLED });
    expect(root).toMatchObject({ traceId: TRACE, parentSpanId: SAMPLED.split("-")[2] });
  });

  test("of others turns nothing on: its id is logged, and a traced request has a link", async () => {
    const off = await traced(NONE, { traceparent: SAMPLED });
    expect(off.trace).toEqual([]);
    expect(off.log).toContain(`"traceId":"${TRACE}"`);
    const { root } = await traced({}, { traceparent: SAMPLED });
    expect(root).toMatchObject({ parentSpanId: "", links: [TRACE] });
    expect(root?.traceId).not.toBe(TRACE);
  });

  test("that is not valid counts as none, even of a trusted proxy", async () => {
    using collector = new Collector();
    await using tiers = await Tiers.start({ ...collector.environment, ...PROXY, ...NONE });
    const garbage = [
      "",
      "garbage",
      SAMPLED.toUpperCase(),
      `${SAMPLED}-more`,
      `ff${SAMPLED.slice(2)}`,
      `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
      `00-${TRACE}-${"0".repeat(16)}-01`,
      `cc${SAMPLED.slice(2)}-${"x".repeat(5000)}`,
    ];
    for (const traceparent of garbage) {
      expect((await tiers.post("signin", GRACE, { traceparent })).status).toBe(404);
    }
    // Bun refuses such a header, or closes the connection.
    const huge = await tiers.post("signin", GRACE, { traceparent: "0".repeat(1 << 20) }).then(
      ({ status }) => status,
      () => 431,
    );
    expect(huge).toBe(431);
    expect((await tiers.post("signin", GRACE)).status).toBe(404);
    await tiers.stop();
    expect(collector.spans).toEqual([]);
    expect(tiers.http.output).not.toContain("traceId");
  });
});

describe.each(["away", "slow"])("if the collector is %s", (state) => {
  test("requests are answered, and there is one warning", async () => {
    using collector = new Collector();
    collector.delayMs = 600_000;
    const { OTEL_EXPORTER_OTLP_ENDPOINT: there = "", ...json } = collector.environment;
    const endpoint = state === "slow" ? there : "http://127.0.0.1:1";
    const soon = { OTEL_EXPORTER_OTLP_TIMEOUT: "500" };
    const environment = { ...json, ...soon, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint };
    await using tiers = await Tiers.start(environment);
    const cookie = await tiers.signIn();
    // Enough for several exports, each of which fails.
    for (let round = 0; round < 60; round++) {
      const answers = Array.from({ length: 50 }, () => tiers.userInfo(cookie));
      for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
    }
    await tiers.http.waitFor(/cannot export traces to 127\.0\.0\.1/);
    await tiers.stop();
    expect(tiers.http.output.match(/cannot export traces/g)).toHaveLength(1);
    expect(tiers.tcp.output.match(/cannot export traces/g)).toHaveLength(1);
  });
});

test("a tier waits only a moment for a collector that does not answer the last export", async () => {
  using collector = new Collector();
  collector.delayMs = 600_000;
  await using tiers = await Tiers.start(collector.environment);
  await tiers.signIn();
  const begunAt = performance.now();
  await tiers.stop();
  // Without a limit, each of the two would take 10 s.
  expect(performance.now() - begunAt).toBeLessThan(10_000);
  for (const { output } of [tiers.http, tiers.tcp]) {
    expect(output).toContain("the last traces were not exported in time");
    expect(output).toContain('"msg":"closed"');
    expect(output).not.toContain("closed by force");
  }
});

test("exports have the headers, which may be in a file, and no log has them", async () => {
  using collector = new Collector();
  await using folder = await Folder.make();
  const path = join(folder.path, "headers");
  await Bun.write(path, "api-key=s%3Dcret");
  await chmod(path, 0o600);
  const headers = { OTEL_EXPORTER_OTLP_HEADERS_FILE: path };
  await using tiers = await Tiers.start({ ...collector.environment, ...headers });
  await tiers.signIn();
  await tiers.stop();
  expect(collector.headers.length).toBeGreaterThan(0);
  for (const headers of collector.headers) expect(headers.get("api-key")).toBe("s=cret");
  expect(tiers.http.output + tiers.tcp.output).not.toContain("cret");
});
