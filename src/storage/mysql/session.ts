import {
  type ConnectionOptions,
  createConnection,
  type RowDataPacket,
  type SslOptions,
} from "mysql2";
import type { Connection } from "mysql2/promise";
import { withTimeout } from "../attempt.ts";
import { DemotedError, isWithoutTls } from "./errors.ts";
import { tlsOf } from "./tls.ts";

const CONNECT_TIMEOUT_MS = 5_000;
/** Before the middleboxes that forget a silent connection, the earliest after a minute. */
const KEEP_ALIVE_AFTER_MS = 30_000;
/** Ours end sooner; this is for those whose client has vanished. */
const WAIT_TIMEOUT_SECONDS = 600;
const LOCK_WAIT_SECONDS = 50;

/**
 * What the other statements here rely on, too, and every server has. `SET NAMES`, since the
 * character set of a handshake is only a wish.
 */
const FIRST_SETTINGS = `SET NAMES utf8mb4 COLLATE utf8mb4_bin,
  SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',
  SESSION sql_select_limit = 18446744073709551615,
  SESSION max_join_size = 18446744073709551615,
  SESSION sql_big_selects = 1,
  SESSION autocommit = 1`;

/** What we rely on, under each name that MySQL 5.6 to 9 and MariaDB have for it. */
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
 * On Galera, a SELECT (1) and an UPDATE (2) wait until their node has applied what was committed on
 * the others. An INSERT need not: if a name is taken that its node does not have yet, the cluster
 * rolls it back.
 */
const GALERA_SETTINGS: Readonly<Record<string, string | number>> = {
  // The other way changes a table on one node only.
  wsrep_osu_method: "'TOI'",
  wsrep_dirty_reads: 0,
  wsrep_sync_wait: 1 + 2,
};

interface VariableRow extends RowDataPacket {
  readonly Variable_name: string;
  readonly Value: string;
}

export interface SessionOptions {
  /** How long connecting and all settings may take together. */
  readonly timeoutMs?: number;
  /** How long a statement waits for the lock of a row or of a table. */
  readonly lockWaitSeconds?: number;
  /** For who only reads what a replica knows as well. */
  readonly mayBeReadOnly?: boolean;
  readonly options?: ConnectionOptions;
}

/**
 * Connect to MySQL and set all that is relied on, whatever the server's defaults and its
 * `init_connect` are. Every connection of ours is opened here.
 * @throws {DemotedError} the server takes no writes
 */
export async function openSession(
  databaseUrl: string,
  session: SessionOptions = {},
): Promise<Connection> {
  const url = new URL(databaseUrl);
  const tls = tlsOf(url);
  try {
    return await open(url, tls?.ssl, session);
  } catch (error) {
    if (!tls?.isOptional || !isWithoutTls(error)) throw error;
    return await open(url, undefined, session);
  }
}

async function open(
  url: URL,
  ssl: SslOptions | undefined,
  session: SessionOptions,
): Promise<Connection> {
  const timeoutMs = session.timeoutMs ?? CONNECT_TIMEOUT_MS;
  const raw = createConnection({
    ...mysqlOptions(url),
    connectTimeout: timeoutMs,
    ...(ssl && { ssl }),
    ...session.options,
  });
  // What finds the connection broken reports it; without a listener, the event throws.
  raw.on("error", () => undefined);
  const connected = new Promise<void>((resolve, reject) => {
    raw.connect((error) => (error ? reject(error) : resolve()));
  });
  const connection = raw.promise();
  try {
    await withTimeout(
      timeoutMs,
      connected.then(() => setUp(connection, session)),
    );
    return connection;
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

/** Three round trips, once for each connection. */
async function setUp(connection: Connection, session: SessionOptions): Promise<void> {
  const { lockWaitSeconds = LOCK_WAIT_SECONDS, mayBeReadOnly = false } = session;
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
  const wanted = known.get("wsrep_on") === "ON" ? { ...settings, ...GALERA_SETTINGS } : settings;
  const assignments = Object.entries(wanted)
    .filter(([name]) => known.has(name))
    .map(([name, value]) => `SESSION ${name} = ${value}`);
  await connection.query(`SET ${assignments.join(", ")}`);
}

/** A row of a SELECT that has `PROOF` among its columns. */
export interface ProvenRow extends RowDataPacket {
  readonly readOnly: unknown;
}

/**
 * The column by which what is read shows that its server still is the primary. One that was
 * demoted, and stays up, goes on answering with rows of the past, and no error tells.
 */
export const PROOF = "@@global.read_only AS readOnly";

/** @throws {DemotedError} the server takes no writes */
export async function proveWritable(connection: Connection): Promise<void> {
  throwIfDemoted(await connection.query<ProvenRow[]>(`SELECT ${PROOF}`));
}

/** @throws {DemotedError} the server took no writes when it read these rows, of which one it has */
export function throwIfDemoted([[row]]: [ProvenRow[], unknown]): void {
  if (!isOff(row?.readOnly)) throw new DemotedError();
}

/** Whether a global such as `read_only` is off; MariaDB 12 has names for its values. */
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
    // Not a stack captured for each statement: what it was for, the StorageError says.
    trace: false,
    // A server has no business asking its client for files.
    flags: ["-LOCAL_FILES"],
  };
}
