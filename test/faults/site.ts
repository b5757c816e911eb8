import { createConnection, type QueryResult, type RowDataPacket } from "mysql2/promise";
import type { Endpoint } from "../../src/config/hosts.ts";
import { Folder, startHttp } from "../child.ts";
import { startMariaDb } from "../mariadb.ts";
import type { Faults } from "./faults.ts";
import { type RedisKind, startRedisSite } from "./redis-site.ts";
import { TcpServer } from "./tcp-server.ts";

const DOWN_MS = 200;

/** All parts of a production set-up, each in a process of its own. */
export interface Site extends AsyncDisposable {
  /** URL of the HTTP tier. */
  readonly url: string;
  /** The TCP servers. */
  readonly rpcAddresses: readonly Endpoint[];
  readonly faults: Faults;
  /** Changes with each call while Redis may lose data, and is another number afterwards. */
  losses(): number;
  /** Delete the row of a user, as an operator does by hand. */
  deleteRow(username: string): Promise<void>;
  /** Username → nickname, from the table. */
  rows(): Promise<ReadonlyMap<string, string>>;
  /** The nicknames of these users in the cache; undefined for a user that is not in it. */
  cached(usernames: readonly string[]): Promise<readonly (string | undefined)[]>;
}

interface UserRow extends RowDataPacket {
  readonly username: string;
  readonly nickname: string;
}

/** The kinds of TCP servers, each with a main of its own in this folder. */
export type ServerKind = "quick" | "slow" | "unleased" | "account" | "unmarked" | "unended";

/** How the databases of a site are set up. */
export interface SiteKind {
  readonly redis?: RedisKind;
}

/** Start both databases, two TCP servers and an HTTP tier. */
export async function startSite(
  kind: ServerKind,
  otherKind: ServerKind,
  { redis: redisKind = "single" }: SiteKind = {},
): Promise<Site> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await Folder.make());
  const mariaDb = cleanup.use(await startMariaDb({ keepsEveryCommit: true }));
  const redis = cleanup.use(await startRedisSite(redisKind));
  const databaseUrl = await mariaDb.createDatabase();

  const environment = { DATABASE_URL: databaseUrl, REDIS_URL: redis.url };
  const server = (kind: ServerKind) =>
    cleanup.use(
      new TcpServer(folder.path, { environment, script: `test/faults/${kind}-tcp-main.ts` }),
    );
  const one = server(kind);
  const other = server(otherKind);
  await Promise.all([one.start(), other.start()]);
  const http = cleanup.use(startHttp(folder.path, `${one.address},${other.address}`));
  const url = await http.listening();

  const kill = (server: TcpServer) => async () => {
    await server.end("SIGKILL");
    await Bun.sleep(DOWN_MS);
    await server.start();
  };
  const started = cleanup.move();
  return {
    url,
    rpcAddresses: [one, other].map(({ port }) => ({ host: "127.0.0.1", port })),
    losses: () => redis.losses(),
    faults: {
      "a TCP server killed": kill(one),
      "the other TCP server killed": kill(other),
      ...redis.faults,
      "MariaDB killed, restarted": async () => {
        await mariaDb.kill();
        await Bun.sleep(DOWN_MS);
        await mariaDb.restart();
      },
    },

    async deleteRow(username) {
      await query(databaseUrl, "DELETE FROM user WHERE username = ?", [username]);
    },

    async rows() {
      const rows = await query<UserRow[]>(databaseUrl, "SELECT username, nickname FROM user");
      return new Map(rows.map(({ username, nickname }) => [username, nickname]));
    },

    cached: (usernames) => redis.cached(usernames),

    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

async function query<T extends QueryResult>(
  databaseUrl: string,
  sql: string,
  values: readonly string[] = [],
): Promise<T> {
  const connection = await createConnection(databaseUrl);
  try {
    const [rows] = await connection.query<T>(sql, [...values]);
    return rows;
  } finally {
    await connection.end();
  }
}
