import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Redis } from "ioredis";
import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { freePort } from "../child.ts";
import { type Answer, Api, type Member, newMember, newName } from "../contract/client.ts";
import { avatarForm, pngOf } from "../contract/images.ts";
import * as mariaDb from "../mariadb.ts";
import * as redis from "../redis.ts";
import { type Stack, startStack } from "../stack.ts";

// Each fault of a database, what is answered meanwhile, and how soon all is well again. The README
// has the same table.

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(120_000);

const PASSWORD = "hopper1906";
const PNG = pngOf(2, 2, [1, 2, 3]);
const DEADLINE_MS = 5000;
/** What a busy machine may add to a deadline. */
const NOISE_MS = 10_000;
const GIVE_UP_MS = 30_000;

interface Site {
  readonly stack: Stack;
  readonly mariaDb: mariaDb.MariaDb;
  readonly redis: redis.RedisServer;
  readonly databaseUrl: string;
  /** Beside the servers of ours, to hurt the databases with. */
  readonly raw: Redis;
}

interface Hurt extends Site {
  readonly sql: Connection;
}

/** Who asks while a fault lasts: nobody twice, since what one request changes another would see. */
interface People {
  readonly cached: Member;
  readonly uncached: Member;
  readonly writer: Member;
  readonly painter: Member;
  readonly leaver: Member;
}

type Ask = (people: People, url: string) => Promise<Answer>;

const REQUESTS = {
  "profile, cached": ({ cached }) => cached.api.userInfo(),
  profile: ({ uncached }) => uncached.api.userInfo(),
  "sign-up": (_, url) => new Api(url).signUp(newName(), PASSWORD),
  "sign-in": ({ cached }, url) => new Api(url).signIn(cached.username, PASSWORD),
  "wrong password": ({ cached }, url) => new Api(url).signIn(cached.username, "hopper1907"),
  "no such user": (_, url) => new Api(url).signIn(newName(), PASSWORD),
  nickname: ({ writer }) => writer.api.nickname("changed"),
  picture: ({ painter }) => painter.api.avatar(avatarForm(PNG)),
  "sign-out": ({ leaver }) => leaver.api.signOut(),
} as const satisfies Record<string, Ask>;

type Request = keyof typeof REQUESTS;
const REQUEST_NAMES: readonly Request[] = Object.keys(REQUESTS).filter(isRequest);

function isRequest(name: string): name is Request {
  return Object.hasOwn(REQUESTS, name);
}

const WELL: Readonly<Record<Request, string>> = {
  "profile, cached": "7",
  profile: "7",
  "sign-up": "7",
  "sign-in": "7",
  "wrong password": "5",
  "no such user": "4",
  nickname: "7",
  picture: "7",
  "sign-out": "7",
};

interface Fault {
  /** As in the README. */
  readonly name: string;
  /** What is answered otherwise than where all is well. */
  readonly answers: Partial<Readonly<Record<Request, string>>>;
  hurt(site: Hurt): Promise<unknown>;
  heal(site: Hurt): Promise<unknown>;
}

const WITHOUT_MYSQL = {
  profile: "1",
  "sign-up": "1",
  "sign-in": "1",
  "wrong password": "1",
  "no such user": "1",
  nickname: "1",
  picture: "1",
} as const;
const WITHOUT_WRITES_TO_REDIS = { "sign-in": "1", nickname: "1", picture: "1" } as const;
const WITHOUT_REDIS = {
  ...WITHOUT_WRITES_TO_REDIS,
  "profile, cached": "1",
  profile: "1",
  "sign-out": "1",
} as const;

const hogs: Connection[] = [];

const FAULTS: readonly Fault[] = [
  {
    name: "MySQL down",
    answers: WITHOUT_MYSQL,
    hurt: (site) => site.mariaDb.kill(),
    heal: (site) => site.mariaDb.restart(),
  },
  {
    name: "MySQL frozen",
    answers: WITHOUT_MYSQL,
    hurt: async (site) => process.kill(site.mariaDb.pid, "SIGSTOP"),
    heal: async (site) => process.kill(site.mariaDb.pid, "SIGCONT"),
  },
  {
    name: "MySQL slow (the table is locked)",
    answers: WITHOUT_MYSQL,
    hurt: ({ sql }) => sql.query("LOCK TABLES user WRITE"),
    heal: ({ sql }) => sql.query("UNLOCK TABLES"),
  },
  {
    name: "MySQL slow to write (a backup's lock)",
    answers: { "sign-up": "1", nickname: "1", picture: "1" },
    hurt: ({ sql }) => sql.query("FLUSH TABLES WITH READ LOCK"),
    heal: ({ sql }) => sql.query("UNLOCK TABLES"),
  },
  {
    name: "MySQL out of connections",
    answers: WITHOUT_MYSQL,
    hurt: takeAllConnections,
    async heal({ sql }) {
      for (const hog of hogs.splice(0)) hog.destroy();
      await sql.query("SET GLOBAL max_connections = 500");
    },
  },
  {
    name: "Redis down",
    answers: WITHOUT_REDIS,
    hurt: (site) => site.redis.kill(),
    heal: (site) => site.redis.restart(),
  },
  {
    name: "Redis frozen",
    answers: WITHOUT_REDIS,
    hurt: async (site) => process.kill(site.redis.pid, "SIGSTOP"),
    heal: async (site) => process.kill(site.redis.pid, "SIGCONT"),
  },
  {
    name: "Redis full (`maxmemory`)",
    answers: WITHOUT_WRITES_TO_REDIS,
    hurt: ({ raw }) => raw.config("SET", "maxmemory", "1"),
    heal: ({ raw }) => raw.config("SET", "maxmemory", "0"),
  },
  {
    name: "Redis read-only",
    answers: { ...WITHOUT_WRITES_TO_REDIS, "sign-out": "1" },
    hurt: ({ raw }) => raw.replicaof("127.0.0.1", freePort()),
    heal: ({ raw }) => raw.replicaof("NO", "ONE"),
  },
];

interface ProcessRow extends RowDataPacket {
  readonly id: number;
}

/** Take every connection there is, and those of the servers of ours from them. */
async function takeAllConnections({ sql, mariaDb }: Hurt): Promise<void> {
  await sql.query("SET GLOBAL max_connections = 10");
  const [ours] = await sql.query<ProcessRow[]>(
    "SELECT id FROM information_schema.processlist WHERE user = 'portico' AND id <> CONNECTION_ID()",
  );
  for (const { id } of ours) await sql.query(`KILL ${id}`);
  // What was killed may take a moment to go, and then leaves a place.
  for (let refusals = 0; refusals < 3; ) {
    const hog = await createConnection(mariaDb.url).catch(String);
    if (typeof hog !== "string") {
      hogs.push(hog);
      continue;
    }
    expect(hog).toContain("Too many connections");
    refusals++;
    await Bun.sleep(50);
  }
}

async function invite(stack: Stack, raw: Redis): Promise<People> {
  const [cached, uncached, writer, painter, leaver] = await Promise.all([
    newMember(stack),
    newMember(stack),
    newMember(stack),
    newMember(stack),
    newMember(stack),
  ]);
  await raw.del(`user:${uncached.username}`);
  expect(await raw.exists(`user:${cached.username}`)).toBe(1);
  return { cached, uncached, writer, painter, leaver };
}

interface Asked {
  /** By request, as in "1". */
  readonly answers: Readonly<Record<string, string>>;
  readonly slowestMs: number;
}

/** Everything at once. */
async function askAll({ stack }: Site, people: People): Promise<Asked> {
  const askedAt = performance.now();
  const asked = REQUEST_NAMES.map(async (name) => {
    const { code } = await REQUESTS[name](people, stack.url);
    return [name, code, performance.now() - askedAt] as const;
  });
  const answered = await Promise.all(asked);
  return {
    answers: Object.fromEntries(answered.map(([name, code]) => [name, code])),
    slowestMs: Math.round(Math.max(...answered.map(([, , tookMs]) => tookMs))),
  };
}

/** Ask as new users do until all is well; returns how long it took. */
async function recover(site: Site): Promise<number> {
  const healedAt = performance.now();
  for (;;) {
    const api = new Api(site.stack.url);
    const username = newName();
    const isUp =
      (await api.signUp(username, PASSWORD)).code === "7" &&
      (await api.signIn(username, PASSWORD)).code === "7";
    const tookMs = Math.round(performance.now() - healedAt);
    if (isUp) {
      expect((await askAll(site, await invite(site.stack, site.raw))).answers).toEqual(WELL);
      return tookMs;
    }
    if (tookMs > GIVE_UP_MS) throw new Error("Cannot see that all is well again");
    await Bun.sleep(20);
  }
}

describe.skipIf(!mariaDb.available || !redis.available)("while a database fails", () => {
  const cleanup = new AsyncDisposableStack();
  let site: Site;

  beforeAll(async () => {
    const servers = {
      mariaDb: cleanup.use(await mariaDb.startMariaDb({ keepsEveryCommit: true })),
      redis: cleanup.use(await redis.startRedis()),
    };
    const DATABASE_URL = await servers.mariaDb.createDatabase();
    const REDIS_URL = await servers.redis.createDatabase();
    const stack = cleanup.use(await startStack({ DATABASE_URL, REDIS_URL }));
    const raw = new Redis(REDIS_URL);
    cleanup.defer(() => raw.disconnect());
    raw.on("error", () => undefined);
    site = { ...servers, stack, raw, databaseUrl: DATABASE_URL };
  });
  afterAll(() => cleanup.disposeAsync());

  test.each(FAULTS)("$name: what can still be answered is", async (fault) => {
    const people = await invite(site.stack, site.raw);
    const sql = await createConnection(site.databaseUrl);
    sql.on("error", () => undefined);
    await fault.hurt({ ...site, sql });
    const { answers, slowestMs } = await askAll(site, people);
    await fault.heal({ ...site, sql });
    sql.destroy();
    const recoveryMs = await recover(site);

    console.log(`${fault.name}:`, { slowestMs, recoveryMs });
    expect(answers).toEqual({ ...WELL, ...fault.answers });
    expect(slowestMs).toBeLessThan(DEADLINE_MS + NOISE_MS);
  });
});
