import { errorField, reasonOf } from "../attempt.ts";
import { MigrationError, UnfitTableError } from "../migration.ts";

// Classifies the errors of MySQL. It uses their numbers, since one SQLSTATE class may contain both
// outages and refusals.

const DUPLICATE_KEY = 1062;
const LOCK_WAIT_TIMEOUT = 1205;

/** The server takes no writes: it was demoted, or is not part of its cluster. */
const DEMOTED: ReadonlySet<number> = new Set([
  1036, // ER_OPEN_AS_READONLY
  1047, // ER_UNKNOWN_COM_ERROR: a Galera node that is not prepared
  1223, // ER_CANT_UPDATE_WITH_READLOCK
  1290, // ER_OPTION_PREVENTS_STATEMENT: --read-only, and Aurora during a failover
  1792, // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
  1836, // ER_READ_ONLY_MODE
  1874, // ER_INNODB_READ_ONLY
  3032, // ER_SERVER_OFFLINE_MODE
  3100, // ER_RUN_HOOK_ERROR: group replication refuses the commit, which is rolled back
  3989, // ER_SCHEMA_READ_ONLY
]);

/** InnoDB has rolled back the statement, which is the whole transaction here. */
const ROLLED_BACK: ReadonlySet<number> = new Set([
  1020, // ER_CHECKREAD: MariaDB's innodb_snapshot_isolation
  LOCK_WAIT_TIMEOUT,
  1206, // ER_LOCK_TABLE_FULL
  1213, // ER_LOCK_DEADLOCK, also if Galera cannot certify
  3101, // ER_TRANSACTION_ROLLBACK_DURING_COMMIT: group replication
  3572, // ER_LOCK_NOWAIT
]);

/** Errors that pass without a change of a right, a table or DATABASE_URL. */
const TEMPORARY: ReadonlySet<number> = new Set([
  ...DEMOTED,
  ...ROLLED_BACK,
  1021, // ER_DISK_FULL
  1037, // ER_OUTOFMEMORY
  1038, // ER_OUT_OF_SORTMEMORY
  1040, // ER_CON_COUNT_ERROR
  1041, // ER_OUT_OF_RESOURCES
  1053, // ER_SERVER_SHUTDOWN
  1077, // ER_NORMAL_SHUTDOWN
  1079, // ER_SHUTDOWN_COMPLETE
  1129, // ER_HOST_IS_BLOCKED
  1135, // ER_CANT_CREATE_THREAD
  1158, // ER_NET_READ_ERROR
  1159, // ER_NET_READ_INTERRUPTED
  1160, // ER_NET_ERROR_ON_WRITE
  1161, // ER_NET_WRITE_INTERRUPTED
  1203, // ER_TOO_MANY_USER_CONNECTIONS
  1226, // ER_USER_LIMIT_REACHED
  1317, // ER_QUERY_INTERRUPTED
  1461, // ER_MAX_PREPARED_STMT_COUNT_REACHED
  1637, // ER_TOO_MANY_CONCURRENT_TRXS
  1927, // ER_CONNECTION_KILLED
  3024, // ER_QUERY_TIMEOUT
  3168, // ER_SERVER_ISNT_AVAILABLE
  4031, // ER_CLIENT_INTERACTION_TIMEOUT
]);
/** The server does not have the feature at all: waiting or more rights would not help. */
const UNSUPPORTED: ReadonlySet<number> = new Set([
  1105, // ER_UNKNOWN_ERROR: from Percona XtraDB Cluster with pxc_strict_mode=ENFORCING
  1235, // ER_NOT_SUPPORTED_YET: GET_LOCK on Galera with MariaDB 10.6.13 and 10.11.3
]);
/** ER_DBACCESS_DENIED_ERROR, ER_TABLEACCESS_DENIED_ERROR, ER_SPECIFIC_ACCESS_DENIED_ERROR. */
const DENIED: ReadonlySet<number> = new Set([1044, 1142, 1227]);
/** The errors of TiDB and ProxySQL: the servers behind them cannot be reached. */
const PROXY_ERRORS = { from: 9_000, to: 9_999 };

/** The server is up but takes no writes: its rows may be out of date. */
export class DemotedError extends Error {
  override readonly name = "DemotedError";

  constructor(why = "the server is read-only, as a replica or a demoted primary is") {
    super(why);
  }
}

/** None of the hosts of DATABASE_URL can be used. Nothing was sent to any of them. */
export class NoPrimaryError extends Error {
  override readonly name = "NoPrimaryError";
  readonly errors: readonly unknown[];

  /** @param failures by the address of each host */
  constructor(failures: ReadonlyMap<string, unknown>) {
    super(Array.from(failures, ([address, error]) => `${address}: ${reasonOf(error)}`).join("; "));
    this.errors = [...failures.values()];
  }
}

/** The number of an error that the server sent; undefined for any other error. */
export function serverErrno(error: unknown): number | undefined {
  if (!(error instanceof Error) || Reflect.get(error, "sqlState") === undefined) return undefined;
  const errno: unknown = Reflect.get(error, "errno");
  return typeof errno === "number" ? errno : undefined;
}

export function isDuplicateKey(error: unknown): boolean {
  return serverErrno(error) === DUPLICATE_KEY;
}

/** Whether another server may be the primary now, or soon. The statement had no effect. */
export function isDemoted(error: unknown): boolean {
  if (error instanceof NoPrimaryError) return error.errors.some(isDemoted);
  return error instanceof DemotedError || DEMOTED.has(serverErrno(error) ?? 0);
}

/**
 * Whether the statement was rolled back because of other transactions. Another try may succeed
 * soon.
 */
export function isRolledBack(error: unknown): boolean {
  return ROLLED_BACK.has(serverErrno(error) ?? 0);
}

/**
 * Whether the statement waited too long for a lock and was rolled back. A Galera node that was cut
 * off says the same, at once, so another try needs a new connection, which checks its node.
 */
export function isLockTimeout(error: unknown): boolean {
  return serverErrno(error) === LOCK_WAIT_TIMEOUT;
}

/** Whether waiting helps. If not, a right, a table or DATABASE_URL must be changed. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof NoPrimaryError) return error.errors.some(isTemporary);
  const errno = serverErrno(error);
  if (errno === undefined) return !isUnfit(error) && !isTlsRefusal(error);
  return TEMPORARY.has(errno) || (errno >= PROXY_ERRORS.from && errno <= PROXY_ERRORS.to);
}

/** The table must be changed, or the program has a bug. */
function isUnfit(error: unknown): boolean {
  return [MigrationError, UnfitTableError, TypeError, ReferenceError].some(
    (each) => error instanceof each,
  );
}

/** Whether the server does not support the statement, such as GET_LOCK. */
export function isUnsupported(error: unknown): boolean {
  return UNSUPPORTED.has(serverErrno(error) ?? 0);
}

/** The user lacks a right. */
export function isDenied(error: unknown): boolean {
  return DENIED.has(serverErrno(error) ?? 0);
}

/** The server has no TLS at all. */
export function isWithoutTls(error: unknown): boolean {
  return errorField(error, "code") === "HANDSHAKE_NO_SSL_SUPPORT";
}

/** The server has no TLS, or its certificate is refused. */
function isTlsRefusal(error: unknown): boolean {
  if (errorField(error, "code") !== "HANDSHAKE_SSL_ERROR") return isWithoutTls(error);
  // An interrupted handshake has the number of a system error, which is negative.
  return error instanceof Error && !(Number(Reflect.get(error, "errno")) < 0);
}
