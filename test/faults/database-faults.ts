import { expect } from "bun:test";
import type { Redis } from "ioredis";
import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { type Answer, Api, type Member, newName } from "../contract/client.ts";
import { avatarForm, pngOf } from "../contract/images.ts";
import { freeze } from "../freeze.ts";
import type { MariaDb } from "../mariadb.ts";
import { freePort } from "../ports.ts";
import type { RedisServer } from "../redis.ts";

// Each fault of a database, and what is answered while it lasts, as in docs/failures.md.

const PASSWORD = "hopper1906";
const PNG = pngOf(2, 2, [1, 2, 3]);

/** The users that call while a fault lasts. Each calls once: a second call would see the first. */
export interface People {
  readonly cached: Member;
  readonly uncached: Member;
  readonly writer: Member;
  readonly painter: Member;
  readonly leaver: Member;
}

type Ask = (people: People, url: string) => Promise<Answer>;

export const REQUESTS = {
  "cached profile": ({ cached }) => cached.api.userInfo(),
  "other profile": ({ uncached }) => uncached.api.userInfo(),
  "sign-up": (_, url) => new Api(url).signUp(newName(), PASSWORD),
  "sign-in": ({ cached }, url) => new Api(url).signIn(cached.username, PASSWORD),
  "wrong password": ({ cached }, url) => new Api(url).signIn(cached.username, "hopper1907"),
  "unknown name": (_, url) => new Api(url).signIn(newName(), PASSWORD),
  nickname: ({ writer }) => writer.api.nickname("changed"),
  picture: ({ painter }) => painter.api.avatar(avatarForm(PNG)),
  "sign-out": ({ leaver }) => leaver.api.signOut(),
} as const satisfies Record<string, Ask>;

export type Request = keyof typeof REQUESTS;
export type Answers = Readonly<Record<Request, string>>;

/** The answers if nothing fails. */
export const WELL: Answers = {
  "cached profile": "7",
  "other profile": "7",
  "sign-up": "7",
  "sign-in": "7",
  "wrong password": "5",
  "unknown name": "4",
  nickname: "7",
  picture: "7",
  "sign-out": "7",
};

/** What a fault uses to break a database. */
export interface Databases {
  readonly mariaDb: MariaDb;
  readonly redis: RedisServer;
  /** Connections in addition to those of our servers. */
  readonly sql: Connection;
  readonly raw: Redis;
}

export interface Fault {
  /** As in docs/failures.md. */
  readonly name: string;
  /** The answers that differ from those without a fault. */
  readonly answers: Partial<Answers>;
  hurt(databases: Databases): Promise<unknown>;
  heal(databases: Databases): Promise<unknown>;
}

const NO_ROW_WRITTEN = { "sign-up": "1", nickname: "1", picture: "1" } as const;
const NO_MYSQL = {
  ...NO_ROW_WRITTEN,
  "other profile": "1",
  "sign-in": "1",
  "wrong password": "1",
  "unknown name": "1",
} as const;
const NO_KEY_WRITTEN = { "sign-up": "1", "sign-in": "1", nickname: "1", picture: "1" } as const;
const NO_REDIS = {
  ...NO_KEY_WRITTEN,
  "cached profile": "1",
  "other profile": "1",
  "sign-out": "1",
} as const;
const NO_SESSION = {
  "cached profile": "2",
  "other profile": "2",
  nickname: "2",
  picture: "2",
  "sign-out": "2",
} as const;

const stop = ({ pid }: { pid: number }) => freeze(pid);
const goOn = async ({ pid }: { pid: number }) => process.kill(pid, "SIGCONT");
const nothing = async () => undefined;

export const FAULTS: readonly Fault[] = [
  {
    name: "MySQL down",
    answers: NO_MYSQL,
    hurt: ({ mariaDb }) => mariaDb.kill(),
    heal: ({ mariaDb }) => mariaDb.restart(),
  },
  {
    name: "MySQL frozen",
    answers: NO_MYSQL,
    hurt: ({ mariaDb }) => stop(mariaDb),
    heal: ({ mariaDb }) => goOn(mariaDb),
  },
  {
    name: "MySQL slow: the table is locked",
    answers: NO_MYSQL,
    hurt: ({ sql }) => sql.query("LOCK TABLES user WRITE"),
    heal: ({ sql }) => sql.query("UNLOCK TABLES"),
  },
  {
    name: "MySQL slow: a backup's lock",
    answers: NO_ROW_WRITTEN,
    hurt: ({ sql }) => sql.query("FLUSH TABLES WITH READ LOCK"),
    heal: ({ sql }) => sql.query("UNLOCK TABLES"),
  },
  {
    name: "MySQL out of connections",
    answers: NO_MYSQL,
    hurt: takeAllConnections,
    heal: giveBackConnections,
  },
  {
    name: "MySQL restarted",
    answers: {},
    hurt: ({ mariaDb }) => mariaDb.restart(),
    heal: nothing,
  },
  {
    name: "Redis down",
    answers: NO_REDIS,
    hurt: ({ redis }) => redis.kill(),
    heal: ({ redis }) => redis.restart(),
  },
  {
    name: "Redis frozen",
    answers: NO_REDIS,
    hurt: ({ redis }) => stop(redis),
    heal: ({ redis }) => goOn(redis),
  },
  {
    name: "Redis restarted, empty",
    answers: NO_SESSION,
    hurt: ({ redis }) => redis.restart(),
    heal: nothing,
  },
  {
    name: "Redis full (`maxmemory`, `noeviction`)",
    answers: NO_KEY_WRITTEN,
    hurt: ({ raw }) => raw.config("SET", "maxmemory", "1"),
    heal: ({ raw }) => raw.config("SET", "maxmemory", "0"),
  },
  {
    name: "Redis read-only, as a replica is",
    answers: { ...NO_KEY_WRITTEN, "sign-out": "1" },
    hurt: ({ raw }) => raw.replicaof("127.0.0.1", freePort()),
    heal: ({ raw }) => raw.replicaof("NO", "ONE"),
  },
];

interface ProcessRow extends RowDataPacket {
  readonly id: number;
}

const hogs: Connection[] = [];

/** Take every connection of MySQL, also those that our servers have. */
async function takeAllConnections({ sql, mariaDb }: Databases): Promise<void> {
  await sql.query("SET GLOBAL max_connections = 10");
  const [ours] = await sql.query<ProcessRow[]>(
    `SELECT id FROM information_schema.processlist
     WHERE user = 'portico' AND id <> CONNECTION_ID()`,
  );
  for (const { id } of ours) await sql.query(`KILL ${id}`);
  // A killed connection may need a moment to end.
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

async function giveBackConnections({ sql }: Databases): Promise<void> {
  for (const hog of hogs.splice(0)) hog.destroy();
  await sql.query("SET GLOBAL max_connections = 500");
}
