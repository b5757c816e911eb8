import { createConnection, type QueryResult } from "mysql2/promise";
import { freeze } from "../freeze.ts";
import { startGalera } from "../galera.ts";
import { startMariaDb } from "../mariadb.ts";
import { startPair } from "../mysql-pair.ts";
import type { Faults } from "./faults.ts";

const DOWN_MS = 200;
/** A replica that is cut off for so long lacks the last commits, if they did not wait for it. */
const CUT_OFF_MS = 300;
/** How long a primary is frozen before the replica is promoted, and after that. */
const FROZEN_MS = 1_500;
/** Longer than a look-up waits for a frozen primary: by then all servers have left it. */
const LEFT_MS = 4_000;
/** How long an old primary goes on after it was frozen, until it is ended. */
const THAWED_MS = 500;
/** Longer than Galera needs to exclude a node that does not answer (`evs.suspect_timeout`). */
const EXCLUDED_MS = 7_000;

/** How MySQL is set up. `async-pair` loses acknowledged writes, which the checker must find. */
export const MYSQL_KINDS = ["single", "pair", "async-pair", "galera"] as const;
export type MysqlKind = (typeof MYSQL_KINDS)[number];

/** The MySQL of a site. */
export interface MysqlSite extends AsyncDisposable {
  /** For `DATABASE_URL`. */
  readonly url: string;
  readonly faults: Faults;
  /** Ask the server that takes writes. @throws {Error} another one took over during that time */
  query<T extends QueryResult>(sql: string, values?: readonly string[]): Promise<T>;
}

export function startMysqlSite(kind: MysqlKind): Promise<MysqlSite> {
  if (kind === "single") return startSingle();
  return kind === "galera" ? startGaleraSite() : startPairSite(kind === "pair");
}

async function startSingle(): Promise<MysqlSite> {
  await using starting = new AsyncDisposableStack();
  const mariaDb = starting.use(await startMariaDb({ keepsEveryCommit: true }));
  const url = await mariaDb.createDatabase();
  const started = starting.move();
  return {
    url,
    faults: {
      "MariaDB killed, restarted": async () => {
        await mariaDb.kill();
        await Bun.sleep(DOWN_MS);
        await mariaDb.restart();
      },
    },
    query: (sql, values) => query(url, sql, values),
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

async function startPairSite(isSemiSync: boolean): Promise<MysqlSite> {
  await using starting = new AsyncDisposableStack();
  const pair = starting.use(await startPair({ isSemiSync }));
  const url = await pair.createDatabase();
  const database = url.slice(url.lastIndexOf("/"));
  const started = starting.move();
  return {
    url,
    faults: {
      "MySQL primary killed, replica promoted": async () => {
        await pair.primary.kill();
        await Bun.sleep(DOWN_MS);
        await pair.promote();
        await pair.rebuild();
      },
      "MySQL replica cut off, then primary killed, replica promoted": async () => {
        await query(pair.other.url, "STOP SLAVE IO_THREAD");
        await Bun.sleep(CUT_OFF_MS);
        await pair.primary.kill();
        await pair.promote();
        await pair.rebuild();
      },
      "MySQL primary frozen, replica promoted, old primary thawed and ended": async () => {
        const { pid } = pair.primary;
        await freeze(pid);
        await Bun.sleep(FROZEN_MS);
        await pair.promote();
        await Bun.sleep(LEFT_MS);
        process.kill(pid, "SIGCONT");
        await Bun.sleep(THAWED_MS);
        await pair.rebuild();
      },
      "MySQL switched": async () => {
        await query(pair.primary.url, "SET GLOBAL read_only = ON");
        await pair.promote();
        await pair.follow();
      },
    },
    async query<T extends QueryResult>(sql: string, values?: readonly string[]): Promise<T> {
      const { primary } = pair;
      const result = await query<T>(`${primary.url}${database}`, sql, values);
      if (primary !== pair.primary) throw new Error("another server became the primary");
      return result;
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

async function startGaleraSite(): Promise<MysqlSite> {
  await using starting = new AsyncDisposableStack();
  const galera = starting.use(await startGalera(3));
  const urls = await galera.createDatabase();
  let turns = 0;
  /** Each node in turn, so that every server meets the fault of its own node. */
  const next = () => turns++ % urls.length;
  const started = starting.move();
  return {
    url: galera.urlOfAll(urls),
    faults: {
      "MySQL node killed, restarted": async () => {
        const node = next();
        await galera.kill(node);
        await Bun.sleep(DOWN_MS);
        await galera.restart(node);
      },
      "MySQL node frozen, excluded and back": async () => {
        const node = next();
        await galera.freeze(node);
        await Bun.sleep(EXCLUDED_MS);
        await galera.thaw(node);
      },
      "MySQL node cut off and back": async () => {
        const isolation = await galera.isolate(next());
        await Bun.sleep(EXCLUDED_MS);
        await isolation.remove();
      },
    },
    async query<T extends QueryResult>(sql: string, values?: readonly string[]): Promise<T> {
      const errors: unknown[] = [];
      for (const url of urls) {
        try {
          return await query<T>(url, sql, values, "SET SESSION wsrep_sync_wait = 3");
        } catch (error) {
          errors.push(error);
        }
      }
      throw new AggregateError(errors, "no node answers");
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

async function query<T extends QueryResult>(
  url: string,
  sql: string,
  values: readonly string[] = [],
  setUp = "DO 0",
): Promise<T> {
  const connection = await createConnection(url);
  try {
    await connection.query(setUp);
    const [result] = await connection.query<T>({ sql, values: [...values], timeout: 5_000 });
    return result;
  } finally {
    connection.destroy();
  }
}
