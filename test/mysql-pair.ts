import { openRowsAt, type Rows } from "./contract/rows.ts";
import { type MariaDb, startMariaDb } from "./mariadb.ts";
import { eventually } from "./storage-pairs.ts";

/** Longer than any test: a primary without a replica waits, instead of falling back. */
const SEMI_SYNC_TIMEOUT_MS = 3_600_000;

/** A replica that is built anew applies the whole history. */
const APPLY_TIMEOUT_MS = 120_000;

/** A primary and its replica. The user of the URLs may not write to a read-only server. */
export interface MysqlPair extends AsyncDisposable {
  readonly primary: MariaDb;
  /** The server that is not the primary: a replica, a demoted primary, or down. */
  readonly other: MariaDb;
  /** Such as "127.0.0.1:3306,127.0.0.1:3307"; the order never changes. */
  readonly hosts: string;
  /** An empty database on both servers, as DATABASE_URL names it. */
  createDatabase(): Promise<string>;
  /**
   * Make the replica the primary, after it has applied all that it got. The old primary is left as
   * it is.
   */
  promote(): Promise<void>;
  /** Make the other server a replica of the primary. It must have no commit of its own. */
  follow(): Promise<void>;
  /** Replace the other server by a new one on its port, which replicates all from the beginning. */
  rebuild(): Promise<void>;
}

export interface PairOptions {
  /** Whether a commit waits until the replica has it (AFTER_SYNC). Default: true. */
  readonly isSemiSync?: boolean;
}

const options = (serverId: number) => [
  ...["--log-bin=binlog", "--log-slave-updates", "--sync-binlog=1", `--server-id=${serverId}`],
  // A server that starts takes no writes until it is made the primary.
  "--read-only=ON",
  "--rpl-semi-sync-slave-enabled=ON",
  ...["--rpl-semi-sync-master-wait-point=AFTER_SYNC", "--rpl-semi-sync-master-wait-no-slave=ON"],
  `--rpl-semi-sync-master-timeout=${SEMI_SYNC_TIMEOUT_MS}`,
  "--slave-net-timeout=5",
];

export async function startPair({ isSemiSync = true }: PairOptions = {}): Promise<MysqlPair> {
  await using starting = new AsyncDisposableStack();
  let serverIds = 0;
  const start = (port?: number) =>
    startMariaDb({
      keepsEveryCommit: true,
      moreOptions: options(++serverIds),
      ...(port !== undefined && { port }),
    });
  let [primary, other] = await Promise.all([start(), start()]);
  starting.defer(async () => {
    await Promise.all([primary, other].map((server) => server[Symbol.asyncDispose]()));
  });
  const hosts = [primary, other].map(({ url }) => new URL(url).host).join(",");

  const follow = async () => {
    await using rows = await rowsOf(other);
    await replicate(rows, primary);
    await catchUp(rows);
    if (!isSemiSync) return;
    await using ofPrimary = await rowsOf(primary);
    await ofPrimary.query("SET GLOBAL rpl_semi_sync_master_enabled = ON");
    await eventually("the replica acknowledges", async () => {
      const [row] = await ofPrimary.query("SHOW STATUS LIKE 'Rpl_semi_sync_master_clients'");
      return Number(row?.Value) > 0;
    });
  };

  await using rows = await rowsOf(primary);
  await rows.query("SET GLOBAL read_only = OFF");
  await rows.query("CREATE USER ordinary IDENTIFIED BY 'secret'");
  await follow();
  let databases = 0;
  const started = starting.move();
  return {
    get primary() {
      return primary;
    },
    get other() {
      return other;
    },
    hosts,
    async createDatabase() {
      const name = `pair_${++databases}`;
      await using rows = await rowsOf(primary);
      await rows.query(`CREATE DATABASE ${name}`);
      await rows.query(`GRANT ALL ON ${name}.* TO ordinary`);
      await using ofOther = await rowsOf(other);
      await eventually("the replica has the database", async () => {
        const found = await ofOther.query(`SHOW DATABASES LIKE '${name}'`);
        return found.length > 0;
      });
      return `mysql://ordinary:secret@${hosts}/${name}`;
    },
    async promote() {
      await using rows = await rowsOf(other);
      await promote(rows);
      [primary, other] = [other, primary];
    },
    follow,
    async rebuild() {
      const port = Number(new URL(other.url).port);
      await other[Symbol.asyncDispose]();
      other = await start(port);
      await follow();
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/** As a user who may write to a read-only server. */
function rowsOf({ url }: MariaDb): Promise<Rows> {
  return openRowsAt(url, "");
}

async function replicate(rows: Rows, { url }: MariaDb): Promise<void> {
  const { hostname, port, username, password } = new URL(url);
  await rows.query("SET GLOBAL read_only = ON");
  await rows.query("SET GLOBAL rpl_semi_sync_master_enabled = OFF");
  await rows.query("SET GLOBAL gtid_slave_pos = @@global.gtid_current_pos");
  await rows.query(
    `CHANGE MASTER TO MASTER_HOST = '${hostname}', MASTER_PORT = ${port},
       MASTER_USER = '${username}', MASTER_PASSWORD = '${password}',
       MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1`,
  );
  await rows.query("START SLAVE");
  await eventually("it replicates", async () => {
    const [row] = await rows.query("SHOW SLAVE STATUS");
    if (row?.Last_SQL_Error) throw new Error(`Cannot replicate: ${row.Last_SQL_Error}`);
    if (row?.Last_IO_Error && Number(row.Last_IO_Errno) === 1236) {
      throw new Error(`Cannot replicate: ${row.Last_IO_Error}`);
    }
    return row?.Slave_IO_Running === "Yes" && row.Slave_SQL_Running === "Yes";
  });
}

/** What it got but has not applied yet is acknowledged, and RESET SLAVE would delete it. */
async function promote(rows: Rows): Promise<void> {
  await rows.query("STOP SLAVE IO_THREAD");
  await untilApplied(rows);
  await rows.query("STOP SLAVE");
  await rows.query("RESET SLAVE ALL");
  await rows.query("SET GLOBAL read_only = OFF");
}

/** Apply what a new replica lacks, without waiting for the disk at each commit. */
async function catchUp(rows: Rows): Promise<void> {
  const setSafe = async (value: 0 | 1) => {
    await rows.query(`SET GLOBAL innodb_flush_log_at_trx_commit = ${value}`);
    await rows.query(`SET GLOBAL sync_binlog = ${value}`);
  };
  await setSafe(0);
  await untilApplied(rows);
  await setSafe(1);
}

async function untilApplied(rows: Rows): Promise<void> {
  const endsAtMs = performance.now() + APPLY_TIMEOUT_MS;
  for (;;) {
    const [row] = await rows.query("SHOW SLAVE STATUS");
    if (row?.Last_SQL_Error) throw new Error(`Cannot replicate: ${row.Last_SQL_Error}`);
    if (String(row?.Slave_SQL_Running_State).startsWith("Slave has read all relay log")) return;
    if (performance.now() > endsAtMs) {
      throw new Error(`Cannot apply all: ${row?.Slave_SQL_Running_State}`);
    }
    await Bun.sleep(20);
  }
}
