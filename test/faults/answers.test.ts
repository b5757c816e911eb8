import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { Redis } from "ioredis";
import { createConnection } from "mysql2/promise";
import pLimit from "p-limit";
import { DEFAULT_PROFILE_PATH } from "../../schema/picture.ts";
import { ROOT } from "../child.ts";
import { Api, newMember, newName } from "../contract/client.ts";
import * as mariaDb from "../mariadb.ts";
import * as redis from "../redis.ts";
import { type Stack, startStack } from "../stack.ts";
import {
  type Databases,
  FAULTS,
  type Fault,
  type People,
  REQUESTS,
  type Request,
  WELL,
} from "./database-faults.ts";

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(120_000);

const PASSWORD = "hopper1906";
const DEADLINE_MS = 5000;
/** How late an answer may be on a busy machine. */
const NOISE_MS = 10_000;
const MAX_TRIES = 4;
const GIVE_UP_MS = 30_000;
/** All sites are in this process: more at once would delay one another beyond the deadlines. */
const few = pLimit(4);

const REQUEST_NAMES: readonly Request[] = Object.keys(REQUESTS).filter(isRequest);

function isRequest(name: string): name is Request {
  return Object.hasOwn(REQUESTS, name);
}

interface Site extends Omit<Databases, "sql"> {
  readonly stack: Stack;
  readonly databaseUrl: string;
}

/** Both tiers on databases of their own, which the test may break. */
async function startSite(): Promise<Site & AsyncDisposable> {
  await using starting = new AsyncDisposableStack();
  const servers = {
    mariaDb: starting.use(await mariaDb.startMariaDb({ keepsEveryCommit: true })),
    redis: starting.use(await redis.startRedis()),
  };
  const databaseUrl = await servers.mariaDb.createDatabase();
  const redisUrl = await servers.redis.createDatabase();
  const stack = starting.use(await startStack({ DATABASE_URL: databaseUrl, REDIS_URL: redisUrl }));
  const raw = new Redis(redisUrl);
  starting.defer(() => raw.disconnect());
  // Callers get the error; without a listener, ioredis prints every refused connection.
  raw.on("error", () => undefined);
  const started = starting.move();
  const dispose = () => started.disposeAsync();
  return { ...servers, stack, raw, databaseUrl, [Symbol.asyncDispose]: dispose };
}

/** A connection that breaks MySQL, and may break with it. */
async function connectSql({ databaseUrl }: Site) {
  const sql = await createConnection(databaseUrl);
  sql.on("error", () => undefined);
  return { sql, [Symbol.dispose]: () => sql.destroy() };
}

async function invite({ stack, raw }: Site): Promise<People> {
  const people = {
    cached: await newMember(stack),
    uncached: await newMember(stack),
    writer: await newMember(stack),
    painter: await newMember(stack),
    leaver: await newMember(stack),
  };
  await raw.del(`user:${people.uncached.username}`);
  const { username } = people.cached;
  // As in production, except for the pause after Redis was away.
  const profile = { username, nickname: username.slice(0, 8), profilePath: DEFAULT_PROFILE_PATH };
  await raw.hset(`user:${username}`, profile);
  return people;
}

/** Call everything at once. Returns the answers, and when the last one came. */
async function askAll({ stack }: Site, people: People) {
  const askedAt = performance.now();
  const asked = REQUEST_NAMES.map(async (name) => {
    const { code } = await REQUESTS[name](people, stack.url);
    return [name, code] as const;
  });
  const answers: Record<string, string> = Object.fromEntries(await Promise.all(asked));
  return { answers, slowestMs: Math.round(performance.now() - askedAt) };
}

/** The statuses of a page and a picture, which need no database. */
function askForFiles({ url }: Stack): Promise<number[]> {
  const paths = ["/signIn.html", `/avatars/${DEFAULT_PROFILE_PATH}`];
  return Promise.all(paths.map(async (path) => (await fetch(url + path)).status));
}

/** Wait until a new user can sign up and in, then call everything. Returns how long it took. */
async function recover(site: Site): Promise<number> {
  const healedAt = performance.now();
  const api = new Api(site.stack.url);
  for (;;) {
    const username = newName();
    const isBack =
      (await api.signUp(username, PASSWORD)).code === "7" &&
      (await api.signIn(username, PASSWORD)).code === "7";
    const tookMs = Math.round(performance.now() - healedAt);
    if (isBack) {
      expect((await askAll(site, await invite(site))).answers).toEqual(WELL);
      return tookMs;
    }
    if (tookMs > GIVE_UP_MS) throw new Error("Cannot see that all is well again");
    await Bun.sleep(20);
  }
}

/** The first columns of a fault's row: what fails, by code, and what still works. */
function rowOf({ name, answers }: Fault): string {
  const failing = Map.groupBy(
    REQUEST_NAMES.filter((request) => answers[request] !== undefined),
    (request) => answers[request],
  );
  const failures = [...failing].map(([code, requests]) => `"${code}": ${requests.join(", ")}`);
  const asEver = REQUEST_NAMES.filter((request) => answers[request] === undefined);
  const all = asEver.length === REQUEST_NAMES.length ? "all" : asEver.join(", ");
  return `| ${name} | ${failures.join("; ") || "none"} | ${all} |`;
}

describe.concurrent.skipIf(!mariaDb.available || !redis.available)("while a database fails", () => {
  test.each(FAULTS)("$name: what can still be answered is", (fault) =>
    few(async () => {
      await using site = await startSite();
      using connection = await connectSql(site);
      const databases = { ...site, ...connection };
      const expected = { ...WELL, ...fault.answers };
      for (let tries = 1; ; tries++) {
        const people = await invite(site);
        await fault.hurt(databases);
        const { answers, slowestMs } = await askAll(site, people);
        const files = await askForFiles(site.stack);
        await fault.heal(databases);
        const recoveryMs = await recover(site);

        console.log(`${fault.name}:`, { slowestMs, recoveryMs });
        expect(files).toEqual([200, 200]);
        expect(slowestMs).toBeLessThan(DEADLINE_MS + NOISE_MS);
        // A machine so busy that a deadline passed says nothing about the answers.
        const isLate = slowestMs > DEADLINE_MS && !Bun.deepEquals(answers, expected);
        if (isLate && tries < MAX_TRIES) continue;
        expect(answers).toEqual(expected);
        return;
      }
    }),
  );

  test("no call waits longer than its own deadline", async () => {
    await using site = await startSite();
    const { cached, uncached } = await invite(site);
    using connection = await connectSql(site);
    await connection.sql.query("LOCK TABLES user WRITE");
    // Storage gives up after some seconds, with a different error.
    const options = { timeoutMs: 200 };
    const { user } = site.stack;
    const { username, sessionId } = cached;
    for (const call of [
      () => user.signUp({ username: newName(), password: PASSWORD }, options),
      () => user.signIn({ username, password: PASSWORD }, options),
      () => user.updateNickname({ sessionId, nickname: "late" }, options),
      () => user.getUserInfo({ sessionId: uncached.sessionId }, options),
    ]) {
      await expect(call()).rejects.toMatchObject({ status: "deadline_exceeded" });
    }
  });
});

test("the table of faults in docs/failures.md is the one that is tested", async () => {
  const page = await Bun.file(join(ROOT, "docs/failures.md")).text();
  const rows = FAULTS.map(rowOf);
  expect(rows.filter((row) => !page.includes(`\n${row}`))).toEqual([]);
});
