import { openRowsAt } from "./contract/rows.ts";
import { available as hasMariaDb, type MariaDb, startMariaDb } from "./mariadb.ts";
import { freePort } from "./ports.ts";
import { PROGRAMS, programPath } from "./programs.ts";
import { eventually } from "./storage-pairs.ts";

const LIBRARY = programPath(PROGRAMS.galera);

/** Whether this machine has MariaDB and Galera's library. */
export const available = hasMariaDb && LIBRARY !== undefined;

/** Two MariaDB servers that are nodes of one Galera cluster. */
export interface Galera extends AsyncDisposable {
  /** An empty database, as `DATABASE_URL` names it on each node. */
  createDatabase(): Promise<[first: string, second: string]>;
  /** Cut the second node off. After about six seconds the first one serves alone. */
  isolateSecond(): Promise<Hindrance>;
}

/** Something that blocks a node until it is removed or disposed of. */
export interface Hindrance extends AsyncDisposable {
  remove(): Promise<void>;
}

/**
 * Start both nodes at once. Their state files say that they are a cluster that was shut down, with
 * equal data. So neither has to copy its data to the other, which would need more programs.
 */
export async function startGalera(): Promise<Galera> {
  const ports = [freePort(), freePort()];
  const uuids = ports.map(() => crypto.randomUUID());
  const state = crypto.randomUUID();
  await using starting = new AsyncDisposableStack();
  const nodes = await Promise.all(
    ports.map(async (port, index) => {
      const node = await startMariaDb({
        moreOptions: [
          "--wsrep-on=ON",
          `--wsrep-provider=${LIBRARY}`,
          `--wsrep-cluster-address=gcomm://${ports.map((each) => `127.0.0.1:${each}`).join(",")}`,
          "--wsrep-node-address=127.0.0.1",
          `--wsrep-provider-options=${providerOptions(port, index)}`,
          // One applier: a blocked transaction blocks all that follow.
          "--wsrep-slave-threads=1",
          ...["--binlog-format=ROW", "--innodb-autoinc-lock-mode=2"],
        ],
        dataFiles: {
          "grastate.dat": `version: 2.1\nuuid: ${state}\nseqno: 0\nsafe_to_bootstrap: 0\n`,
          "gvwstate.dat": [
            `my_uuid: ${uuids[index]}`,
            "#vwbeg",
            `view_id: 3 ${uuids[0]} 1`,
            "bootstrap: 0",
            ...uuids.map((uuid) => `member: ${uuid} 0`),
            "#vwend\n",
          ].join("\n"),
        },
      });
      starting.use(node);
      return node;
    }),
  );
  const [first, second] = nodes;
  if (!first || !second) throw new Error("Cannot start two nodes");
  await Promise.all([untilSynced(first), untilSynced(second)]);
  const started = starting.move();
  return {
    async createDatabase() {
      const url = await first.createDatabase();
      const other = `${second.url}${new URL(url).pathname}`;
      await eventually("the other node has it", () => isThere(other));
      return [url, other];
    },
    async isolateSecond() {
      const rows = await openRowsAt(second.url, "");
      const setIsolated = (value: 0 | 1) =>
        rows.query(`SET GLOBAL wsrep_provider_options = 'gmcast.isolate=${value}'`);
      await setIsolated(1);
      return hindrance(async () => {
        await setIsolated(0);
        await rows[Symbol.asyncDispose]();
        await untilSynced(second);
      });
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/**
 * Block the applier of a node: commits on the other node are not visible here until this is
 * removed.
 * @param here the database on this node
 * @param there the same database on the other node
 */
export async function holdUp(here: string, there: string): Promise<Hindrance> {
  await using other = await openRowsAt(there, "");
  await other.query("CREATE TABLE IF NOT EXISTS held (id int AUTO_INCREMENT PRIMARY KEY)");
  const node = await openRowsAt(here, "");
  await node.query("SET wsrep_sync_wait = 1");
  await node.query("SELECT * FROM held");
  await node.query("LOCK TABLES held READ");
  // This waits for the lock, and all later commits wait behind it.
  await other.query("INSERT INTO held VALUES ()");
  return hindrance(async () => {
    await node.query("UNLOCK TABLES");
    await node[Symbol.asyncDispose]();
  });
}

function hindrance(end: () => Promise<void>): Hindrance {
  let ended: Promise<void> | undefined;
  const remove = () => {
    ended ??= end();
    return ended;
  };
  return { remove, [Symbol.asyncDispose]: remove };
}

function providerOptions(port: number, index: number): string {
  return [
    `gmcast.listen_addr=tcp://127.0.0.1:${port}`,
    "gcache.size=16M",
    // If they lose each other, the first one has the majority.
    `pc.weight=${2 - index}`,
  ].join(";");
}

async function untilSynced({ url }: MariaDb): Promise<void> {
  await using rows = await openRowsAt(url, "");
  await eventually("the node is part of the cluster", async () => {
    const status = await rows.query(
      `SHOW STATUS WHERE (Variable_name = 'wsrep_cluster_size' AND Value = 2)
         OR (Variable_name = 'wsrep_local_state_comment' AND Value = 'Synced')`,
    );
    return status.length === 2;
  });
}

async function isThere(databaseUrl: string): Promise<boolean> {
  try {
    await (await openRowsAt(databaseUrl, ""))[Symbol.asyncDispose]();
    return true;
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, "code") === "ER_BAD_DB_ERROR") return false;
    throw error;
  }
}
