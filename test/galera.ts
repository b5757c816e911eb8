import { chmod } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openRowsAt } from "./contract/rows.ts";
import { freeze } from "./freeze.ts";
import { available as hasMariaDb, type MariaDb, startMariaDb } from "./mariadb.ts";
import { freePort } from "./ports.ts";
import { PROGRAMS, programPath } from "./programs.ts";
import { eventually } from "./storage-pairs.ts";

const LIBRARY = programPath(PROGRAMS.galera);

/** Whether this machine has MariaDB and Galera's library. */
export const available = hasMariaDb && LIBRARY !== undefined;

/** Whether a killed node can join again. The script is in mariadb-server, and needs rsync. */
export const canCopyState = ["wsrep_sst_rsync", "rsync"].every((name) => Bun.which(name) !== null);

/** MariaDB servers that are nodes of one Galera cluster. Nodes are numbered from 0. */
export interface Galera extends AsyncDisposable {
  /** An empty database, as `DATABASE_URL` names it on each node. */
  createDatabase(): Promise<[first: string, second: string, ...others: string[]]>;
  /** The DATABASE_URL with all nodes. */
  urlOfAll(urls: readonly string[]): string;
  /** Cut a node off. After about six seconds the others serve alone. */
  isolate(node: number): Promise<Hindrance>;
  kill(node: number): Promise<void>;
  /** Start a killed node again. Resolves when it has got what it missed. */
  restart(node: number): Promise<void>;
  freeze(node: number): Promise<void>;
  /** End a freeze. Resolves when the node has got what it missed. */
  thaw(node: number): Promise<void>;
}

/** Something that blocks a node until it is removed or disposed of. */
export interface Hindrance extends AsyncDisposable {
  remove(): Promise<void>;
}

/**
 * Start all nodes at once. Their state files say that they are a cluster that was shut down, with
 * equal data. So none has to copy its data from another, which would need more programs.
 */
export async function startGalera(size = 2): Promise<Galera> {
  const ports = Array.from({ length: size }, () => freePort());
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
          `--wsrep-sst-receive-address=127.0.0.1:${freePort()}`,
          `--wsrep-provider-options=${providerOptions(port, index, size)}`,
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
  const nodeAt = (index: number): MariaDb => nodes[index] ?? first;
  await Promise.all(nodes.map((node) => untilSynced(node, size)));
  const started = starting.move();
  return {
    async createDatabase() {
      const url = await first.createDatabase();
      const { pathname } = new URL(url);
      const others = nodes.slice(2).map((node) => `${node.url}${pathname}`);
      const otherUrl = `${second.url}${pathname}`;
      for (const other of [otherUrl, ...others]) {
        await eventually("the other node has it", () => isThere(other));
      }
      return [url, otherUrl, ...others];
    },
    urlOfAll(urls) {
      const hosts = urls.map((url) => new URL(url).host);
      return (urls[0] ?? "").replace(hosts[0] ?? "", hosts.join(","));
    },
    async isolate(index) {
      const node = nodeAt(index);
      const rows = await openRowsAt(node.url, "");
      const setIsolated = (value: 0 | 1) =>
        rows.query(`SET GLOBAL wsrep_provider_options = 'gmcast.isolate=${value}'`);
      await setIsolated(1);
      return hindrance(async () => {
        await setIsolated(0);
        await rows[Symbol.asyncDispose]();
        await untilSynced(node, size);
      });
    },
    kill: (index) => nodeAt(index).kill(),
    async restart(index) {
      const node = nodeAt(index);
      await recoverPosition(node);
      await node.restart();
      await untilSynced(node, size);
    },
    freeze: (index) => freeze(nodeAt(index).pid),
    async thaw(index) {
      process.kill(nodeAt(index).pid, "SIGCONT");
      await untilSynced(nodeAt(index), size);
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/**
 * Write down which commit a killed node had last, as mariadbd-safe does. The node then gets only
 * what it missed, instead of a copy of everything.
 */
async function recoverPosition({ recover, dataFolder }: MariaDb): Promise<void> {
  const found = /Recovered position: ([\da-f-]+):(\d+)/.exec(await recover("--wsrep-recover"));
  if (!found) throw new Error("Cannot find the last commit of the node");
  const [, uuid, seqno] = found;
  const state = `version: 2.1\nuuid: ${uuid}\nseqno: ${seqno}\nsafe_to_bootstrap: 0\n`;
  await Bun.write(join(dataFolder, "grastate.dat"), state);
  // A root's rsync writes as another user, who must reach this folder and write there.
  await chmod(dirname(dataFolder), 0o755);
  await chmod(dataFolder, 0o777);
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

function providerOptions(port: number, index: number, size: number): string {
  return [
    `gmcast.listen_addr=tcp://127.0.0.1:${port}`,
    "gcache.size=16M",
    // If two lose each other, the first one has the majority.
    `pc.weight=${size === 2 && index === 0 ? 2 : 1}`,
  ].join(";");
}

async function untilSynced({ url }: MariaDb, size: number): Promise<void> {
  await using rows = await openRowsAt(url, "");
  await eventually("the node is part of the cluster", async () => {
    const status = await rows.query(
      `SHOW STATUS WHERE (Variable_name = 'wsrep_cluster_size' AND Value = ${size})
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
