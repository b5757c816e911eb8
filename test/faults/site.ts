import type { RowDataPacket } from "mysql2/promise";
import type { Endpoint } from "../../src/config/hosts.ts";
import { Folder, startHttp } from "../child.ts";
import type { Faults } from "./faults.ts";
import { type MysqlKind, startMysqlSite } from "./mysql-site.ts";
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
export type ServerKind =
  | ("quick" | "slow" | "unleased" | "unguarded")
  | ("account" | "unmarked" | "unended");

/** How the databases of a site are set up. */
export interface SiteKind {
  readonly mysql?: MysqlKind;
  readonly redis?: RedisKind;
}

/** Start both databases, two TCP servers and an HTTP tier. */
export async function startSite(
  kind: ServerKind,
  otherKind: ServerKind,
  { mysql: mysqlKind = "single", redis: redisKind = "single" }: SiteKind = {},
): Promise<Site> {
  await using cleanup = new AsyncDisposableStack();
  const folder = cleanup.use(await Folder.make());
  const mysql = cleanup.use(await startMysqlSite(mysqlKind));
  const redis = cleanup.use(await startRedisSite(redisKind));

  const environment = { DATABASE_URL: mysql.url, REDIS_URL: redis.url };
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
      ...mysql.faults,
    },

    async deleteRow(username) {
      await mysql.query("DELETE FROM user WHERE username = ?", [username]);
    },

    async rows() {
      const rows = await mysql.query<UserRow[]>("SELECT username, nickname FROM user");
      return new Map(rows.map(({ username, nickname }) => [username, nickname]));
    },

    cached: (usernames) => redis.cached(usernames),

    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}
