import { Database } from "bun:sqlite";
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { createConnection } from "mysql2/promise";
import { SystemClient } from "../src/gen/system.ts";
import { UserClient } from "../src/gen/user.ts";
import { Balancer } from "../src/rpc/client/balancer.ts";
import { Folder, startHttp, startTcp } from "./child.ts";
import { available as hasMariaDb, startMariaDb } from "./mariadb.ts";
import { type MarkedUser, sendOverHttp, sendOverRpc } from "./marked-requests.ts";
import { Marks } from "./marks.ts";
import { freePort } from "./ports.ts";
import { available as hasRedis, startRedis } from "./redis.ts";
import { rpc } from "./rpc-command.ts";
import { eventually } from "./storage-pairs.ts";

// Secrets with a mark go through every endpoint and every method. No mark may be in anything that
// Portico writes, except where docs/ says so.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const SESSION = "a live session";

/** Both tiers, and the marks that they have in their environment. */
interface Marked extends AsyncDisposable {
  readonly url: string;
  readonly rpcAddress: string;
  readonly marks: Marks;
  readonly tokens: { readonly http: string; readonly admin: string };
  /** The embedded one: SQLite and pictures. */
  readonly dataDir: string;
  connect(caller: "http" | "admin", token: string): Balancer;
  newUser(): Promise<MarkedUser>;
  /** Everything that both tiers have written. */
  output(): string;
}

async function startMarked(marks: Marks, environment: Record<string, string>): Promise<Marked> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await Folder.make());
  const tokens = {
    http: marks.make("token http").repeat(2),
    admin: marks.make("token admin").repeat(2),
  };
  const common = {
    PASSWORD_HASH: "argon2id:m=64,t=1,p=1",
    // No collector is there, so every export fails.
    OTEL_EXPORTER_OTLP_ENDPOINT:
      `http://collector:${marks.make("a collector")}@127.0.0.1:${freePort()}/` +
      `${marks.make("a path of a collector")}`,
    OTEL_EXPORTER_OTLP_HEADERS: `authorization=${marks.make("a header of a collector")}`,
    ...environment,
  };
  const tcp = cleanup.use(
    startTcp(folder.path, {
      ...common,
      RPC_TOKENS: `http:${tokens.http},admin:${tokens.admin}`,
      PASSWORD_PEPPER: `2026:${marks.make("a pepper").repeat(2)}`,
    }),
  );
  const rpcPort = environment.RPC_PORT ?? "";
  const rpcAddress = `127.0.0.1:${rpcPort}`;
  const http = cleanup.use(
    startHttp(folder.path, rpcAddress, {
      ...common,
      RPC_TOKEN: tokens.http,
      // No server is there, so uploads and the start fail.
      AVATAR_URL: "s3://pictures",
      S3_ENDPOINT: `http://127.0.0.1:${freePort()}`,
      S3_ACCESS_KEY_ID: "portico",
      S3_SECRET_ACCESS_KEY: marks.make("a secret of S3"),
    }),
  );
  const url = `http://127.0.0.1:${environment.HTTP_PORT}`;
  const connect = (caller: "http" | "admin", token: string) => {
    const balancer = new Balancer([{ host: "127.0.0.1", port: Number(rpcPort) }], undefined, {
      caller,
      token,
    });
    started.defer(async () => balancer.close());
    return balancer;
  };
  const started = cleanup.move();
  const caller = connect("http", tokens.http);
  await eventually("both tiers answer", () =>
    Promise.all([
      new SystemClient(caller).health({}),
      fetch(url, { signal: AbortSignal.timeout(2000) }),
    ]).then(
      () => true,
      () => false,
    ),
  );
  const users = new UserClient(caller);
  let count = 0;
  return {
    ...{ url, rpcAddress, marks, tokens, connect },
    dataDir: folder.path,
    output: () => tcp.output + http.output,
    async newUser() {
      const username = `marked${++count}`;
      const password = marks.make("the password of a user");
      await users.signUp({ username, password });
      const { sessionId, deviceId = "" } = await users.signIn({ username, password });
      marks.add(SESSION, sessionId);
      marks.add("a device id", deviceId.split(".")[1] ?? "");
      return { username, password, sessionId };
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

const freePorts = () => ({ HTTP_PORT: `${freePort()}`, RPC_PORT: `${freePort()}` });

/** A sign-up makes a name public. */
const NEW_NAMES = /signup$/i;
/**
 * A key in Redis has the name for a moment if an operator changes an account. If the database
 * fails, the audit line of an operator's act has the name that the operator wrote:
 * the act may have been done.
 */
const WRITTEN_NAMES = /signup$|^Admin\./i;

/** Send marks to everything that answers, and check the answers. Returns the outcomes. */
async function sendMarks(
  stack: Marked,
  every = 1,
  publicNames = NEW_NAMES,
  broken?: MarkedUser,
): Promise<string[]> {
  const { url, marks, tokens } = stack;
  const newUser = broken ? async () => broken : stack.newUser;
  const sender = { newUser, marks, every, publicNames };
  const [answers, asUser, asAdmin] = await Promise.all([
    sendOverHttp(url, sender),
    sendOverRpc(stack.connect("http", tokens.http), sender),
    sendOverRpc(stack.connect("admin", tokens.admin), sender),
  ]);
  const written = [...answers.map(({ text }) => text), ...asUser, ...asAdmin].join("\n");
  expect(marks.in(written)).toEqual([]);
  return [...answers.map(({ text }) => text), ...asUser, ...asAdmin];
}

/** Every file but those of SQLite, as one text. */
async function filesIn(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((each) => each.isFile() && !each.name.includes(".sqlite"));
  const texts = files.map((file) => Bun.file(join(file.parentPath, file.name)).text());
  return (await Promise.all(texts)).join("\n");
}

/** All rows of all tables of SQLite, as one text. */
function rowsOfSqlite(dataDir: string): string {
  using database = new Database(join(dataDir, "portico.sqlite"));
  const tables = database
    .query<{ name: string }, []>("SELECT name FROM sqlite_master WHERE type = 'table'")
    .all();
  return JSON.stringify(
    tables.map(({ name }) => database.query(`SELECT * FROM "${name}"`).values()),
  );
}

/** Callers with wrong tokens. */
async function greetWrongly(stack: Marked): Promise<void> {
  const { marks } = stack;
  for (const caller of ["http", "admin"] as const) {
    const client = stack.connect(caller, marks.make("a wrong token").repeat(2));
    await expect(new SystemClient(client).health({}, { timeoutMs: 2000 })).rejects.toThrow();
  }
}

/** An operator's commands. What they print may be kept, too. */
async function runCommands({ marks, tokens, rpcAddress, output }: Marked): Promise<void> {
  const environment = { RPC_ADDRESSES: rpcAddress, RPC_TOKENS: `admin:${tokens.admin}` };
  const request = () => `{"username":"marked1","password":"${marks.make("a new password")}"}`;
  const admin = "Admin.setPassword";
  const runs = await Promise.all([
    rpc([admin, request()], { environment }),
    rpc([admin, "-"], { environment, stdin: request() }),
    rpc([admin, "-"], { environment, stdin: `${request()}}` }),
    rpc([admin, request().replace('"username"', '"name"')], { environment }),
    rpc([admin, request(), "--token", marks.make("a wrong token").repeat(2)], { environment }),
  ]);
  expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 0, 2, 2, 3]);
  expect(marks.in(JSON.stringify(runs))).toEqual([]);
  const reset = await rpc(["Admin.resetPassword", '{"username":"marked1"}'], { environment });
  const { password } = JSON.parse(reset.stdout);
  expect(reset.stderr + output()).not.toContain(password);
}

async function expectNothingFrom(LOG_LEVEL: string, every: number): Promise<void> {
  const marks = new Marks();
  await using stack = await startMarked(marks, { ...freePorts(), LOG_LEVEL });
  const outcomes = await sendMarks(stack, every);
  expect(outcomes.filter((each) => each.includes('"errCode":"7"')).length).toBeGreaterThan(5);
  await greetWrongly(stack);
  if (LOG_LEVEL === "debug") await runCommands(stack);
  const rows = rowsOfSqlite(stack.dataDir);
  expect(rows).toContain("marked1");
  expect(marks.in(rows, SESSION)).toEqual([]);
  dropTables(stack.dataDir);
  const user = { username: "marked1", password: marks.make("a"), sessionId: marks.make("b") };
  const broken = await sendMarks(stack, every, WRITTEN_NAMES, user);
  expect(broken.filter((each) => each.includes("DataBaseError")).length).toBeGreaterThan(5);
  expect(stack.output() === "").toBe(LOG_LEVEL === "silent");
  expect(marks.in(stack.output())).toEqual([]);
  expect(marks.in(await filesIn(stack.dataDir))).toEqual([]);
}

function dropTables(dataDir: string): void {
  using database = new Database(join(dataDir, "portico.sqlite"));
  for (const table of ["user", "session"]) database.run(`DROP TABLE ${table}`);
}

describe("no secret is written", () => {
  // The levels above debug write a part of its lines, so a part of the requests is enough.
  test.each([
    ["debug", 3],
    ["info", 16],
    ["warn", 16],
    ["error", 16],
    ["silent", 16],
  ])("on SQLite, at level %s", expectNothingFrom);

  test.skipIf(!hasMariaDb || !hasRedis)("on MySQL and Redis, whatever fails", async () => {
    const marks = new Marks();
    await using mariaDb = await startMariaDb();
    await using redis = await startRedis();
    const [databaseUrl, redisUrl] = [new URL(await mariaDb.createDatabase()), new URL(redis.url)];
    const sql = await createConnection(databaseUrl.href);
    const raw = new Redis(redisUrl.href);
    raw.on("error", () => undefined); // It is killed.
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(() => raw.disconnect());
    cleanup.defer(() => sql.destroy());

    const password = marks.make("the password of MySQL");
    await sql.query(`CREATE USER marked IDENTIFIED BY '${password}'`);
    await sql.query("GRANT ALL ON *.* TO marked");
    Object.assign(databaseUrl, { username: "marked", password });
    redisUrl.username = "marked";
    redisUrl.password = marks.make("the password of Redis");
    const rights = ["~*", "&*", "+@all"];
    await raw.acl("SETUSER", "marked", "on", `>${redisUrl.password}`, ...rights);

    await using stack = await startMarked(marks, {
      ...freePorts(),
      LOG_LEVEL: "debug",
      DATABASE_URL: databaseUrl.href,
      REDIS_URL: redisUrl.href,
    });
    const user = await stack.newUser();
    await sendMarks(stack, 6, WRITTEN_NAMES);

    const [rows] = await sql.query("SELECT * FROM user");
    const dump = JSON.stringify(rows);
    expect(dump).toContain("marked1");
    expect(marks.in(dump)).toEqual([]);
    const keys = await raw.keys("*");
    expect(keys.length).toBeGreaterThan(5);
    expect(marks.in(keys.filter((key) => !key.includes("session:")).join("\n"))).toEqual([]);
    expect(marks.in(keys.join("\n"), SESSION)).toEqual([]);

    const failing = async (what: string, every: number) => {
      const failed = await sendMarks(stack, every, WRITTEN_NAMES, user);
      expect(failed.join(), what).toContain("DataBaseError");
      expect(marks.in(stack.output()), what).toEqual([]);
    };
    await raw.config("SET", "maxmemory", "1");
    await failing("Redis is full", 4);
    await raw.config("SET", "maxmemory", "0");
    await sql.query("DROP TABLE user");
    await failing("there is no table", 4);
    await raw.acl("SETUSER", "marked", "resetpass", `>${marks.make("a new password")}`);
    await raw.client("KILL", "USER", "marked");
    await failing("Redis refuses the password", 8);
    await sql.query(`ALTER USER marked IDENTIFIED BY '${marks.make("a new password")}'`);
    await sql.query("KILL USER marked");
    await failing("MySQL refuses the password, too", 8);
  });
});
