import {
  type ConnectionOptions,
  createConnection,
  type QueryResult,
  type RowDataPacket,
  type SslOptions,
} from "mysql2";
import type { Connection } from "mysql2/promise";
import { withTimeout } from "../attempt.ts";
import { DemotedError, isWithoutTls } from "./errors.ts";
import { tlsOf } from "./tls.ts";

export const CONNECT_TIMEOUT_MS = 5_000;
/** Middleboxes forget a silent connection, some of them after a minute. */
const KEEP_ALIVE_AFTER_MS = 30_000;
/** After this time, the server closes a connection whose client has vanished. Ours end sooner. */
const WAIT_TIMEOUT_SECONDS = 600;
const LOCK_WAIT_SECONDS = 50;
/** The limit of statements that read no users. At most, they wait for the lock of a table. */
const STATEMENT_TIMEOUT_MS = 10_000;
/** Reading or altering a table of many millions of rows takes minutes. */
export const TABLE_TIMEOUT_MS = 30 * 60_000;

/**
 * Settings that every server has, and that the next statements rely on. `SET NAMES` is needed,
 * since a server may ignore the character set of the handshake.
 */
const FIRST_SETTINGS = `SET NAMES utf8mb4 COLLATE utf8mb4_bin,
  SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',
  SESSION sql_select_limit = 18446744073709551615,
  SESSION max_join_size = 18446744073709551615,
  SESSION sql_big_selects = 1,
  SESSION autocommit = 1`;

/** The other settings that we rely on, under all names of MySQL 5.6 to 9 and of MariaDB. */
const SETTINGS: Readonly<Record<string, string | number>> = {
  completion_type: 0,
  foreign_key_checks: 1,
  max_execution_time: 0,
  max_statement_time: 0,
  sql_auto_is_null: 0,
  sql_safe_updates: 0,
  time_zone: "'+00:00'",
  transaction_isolation: "'REPEATABLE-READ'",
  tx_isolation: "'REPEATABLE-READ'",
  transaction_read_only: 0,
  tx_read_only: 0,
  unique_checks: 1,
  wait_timeout: WAIT_TIMEOUT_SECONDS,
};
/**
 * On Galera, a SELECT (1) and an UPDATE (2) wait until their node has applied the commits of the
 * other nodes. An INSERT does not have to wait: if another node has the name already, the cluster
 * rolls the INSERT back.
 */
const GALERA_SETTINGS: Readonly<Record<string, string | number>> = {
  // RSU, the other method, would change the table on one node only.
  wsrep_osu_method: "'TOI'",
  wsrep_dirty_reads: 0,
  wsrep_sync_wait: 1 + 2,
};

interface VariableRow extends RowDataPacket {
  readonly Variable_name: string;
  readonly Value: string;
}

export interface OpenOptions {
  /** How long connecting and all settings together may take. */
  readonly timeoutMs?: number;
  /** How long a statement waits for the lock of a row or of a table. */
  readonly lockWaitSeconds?: number;
  /** Also accept a replica. */
  readonly mayBeReadOnly?: boolean;
  /** More options of the driver. */
  readonly driver?: ConnectionOptions;
}

/**
 * Connect to MySQL and set everything that we rely on, so that the server's defaults and its
 * `init_connect` do not matter. All our connections are opened here.
 * @param databaseUrl with one host
 * @throws {DemotedError} the server takes no writes
 */
export async function openConnection(
  databaseUrl: string,
  options: OpenOptions = {},
): Promise<Connection> {
  const url = new URL(databaseUrl);
  const tls = tlsOf(url);
  try {
    return await open(url, tls?.ssl, options);
  } catch (error) {
    if (!tls?.isOptional || !isWithoutTls(error)) throw error;
    return await open(url, undefined, options);
  }
}

async function open(
  url: URL,
  ssl: SslOptions | undefined,
  options: OpenOptions,
): Promise<Connection> {
  const timeoutMs = options.timeoutMs ?? CONNECT_TIMEOUT_MS;
  const raw = createConnection({
    ...mysqlOptions(url),
    connectTimeout: timeoutMs,
    ...(ssl && { ssl }),
    ...options.driver,
  });
  // The next use of a broken connection reports it. Without a listener, the event would throw.
  raw.on("error", () => undefined);
  const connected = new Promise<void>((resolve, reject) => {
    raw.connect((error) => (error ? reject(error) : resolve()));
  });
  const connection = raw.promise();
  try {
    await withTimeout(
      timeoutMs,
      connected.then(() => setUp(connection, options)),
    );
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

/** Run one statement. Each has its own limit, so that a MySQL that hangs is noticed soon. */
export async function query<T extends QueryResult>(
  connection: Connection,
  sql: string,
  values: readonly (string | number | readonly string[])[] = [],
  timeoutMs = STATEMENT_TIMEOUT_MS,
): Promise<T> {
  const [result] = await withTimeout(timeoutMs, connection.query<T>(sql, [...values]));
  return result;
}

/** Takes three round trips, once for each connection, and four on Galera. */
async function setUp(connection: Connection, options: OpenOptions): Promise<void> {
  const { lockWaitSeconds = LOCK_WAIT_SECONDS, mayBeReadOnly = false } = options;
  await connection.query(FIRST_SETTINGS);
  const settings = {
    ...SETTINGS,
    innodb_lock_wait_timeout: lockWaitSeconds,
    lock_wait_timeout: lockWaitSeconds,
  };
  const [rows] = await connection.query<VariableRow[]>(
    "SHOW SESSION VARIABLES WHERE Variable_name IN (?)",
    [
      [
        "read_only",
        "innodb_read_only",
        "wsrep_on",
        ...Object.keys({ ...settings, ...GALERA_SETTINGS }),
      ],
    ],
  );
  const known = new Map(rows.map((row) => [row.Variable_name.toLowerCase(), row.Value]));
  if (!mayBeReadOnly && !(isOff(known.get("read_only")) && isOff(known.get("innodb_read_only")))) {
    throw new DemotedError();
  }
  const isGalera = known.get("wsrep_on") === "ON";
  if (isGalera) await throwIfCutOff(connection);
  const wanted = isGalera ? { ...settings, ...GALERA_SETTINGS } : settings;
  const assignments = Object.entries(wanted)
    .filter(([name]) => known.has(name))
    .map(([name, value]) => `SESSION ${name} = ${value}`);
  await connection.query(`SET ${assignments.join(", ")}`);
}

/** A Galera node that was cut off refuses each statement that names a table, and no other. */
async function throwIfCutOff(connection: Connection): Promise<void> {
  const [[row]] = await connection.query<VariableRow[]>("SHOW STATUS LIKE 'wsrep_ready'");
  if (row?.Value === "OFF") throw new DemotedError("the node is cut off from its Galera cluster");
}

/** A row of a SELECT that has the column `PRIMARY_CHECK`. */
export interface CheckedRow extends RowDataPacket {
  readonly readOnly: unknown;
}

/**
 * A column that shows whether the server is still the primary. A demoted server that stays up
 * answers with old rows, without any error.
 */
export const PRIMARY_CHECK = "@@global.read_only AS readOnly";

/** @throws {DemotedError} the server takes no writes */
export async function checkPrimary(connection: Connection): Promise<void> {
  throwIfDemoted(await connection.query<CheckedRow[]>(`SELECT ${PRIMARY_CHECK}`));
}

/** @throws {DemotedError} the server took no writes when it read these rows (at least one) */
export function throwIfDemoted([[row]]: [CheckedRow[], unknown]): void {
  if (!isOff(row?.readOnly)) throw new DemotedError();
}

/** Whether a global such as `read_only` is off. MariaDB 12 returns names for its values. */
function isOff(value: unknown): boolean {
  return value === "0" || value === 0 || value === undefined || value === "OFF";
}

function mysqlOptions({ hostname, port, username, password, pathname }: URL): ConnectionOptions {
  return {
    host: decodeURIComponent(hostname).replace(/^\[(.*)\]$/, "$1"),
    ...(port && { port: Number(port) }),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
    charset: "utf8mb4_bin",
    timezone: "Z",
    enableKeepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS,
    supportBigNumbers: true,
    bigNumberStrings: true,
    // Take no stack for each statement: the StorageError says what failed.
    trace: false,
    // A server must not ask its client for files.
    flags: ["-LOCAL_FILES"],
  };
}
