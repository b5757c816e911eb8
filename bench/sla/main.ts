// `bun run bench sla`: the loads of the contract on Portico and its peers.

import { Folder } from "../../test/child.ts";
import type { Peer } from "../peers/peer.ts";
import { type BenchResults, HASH_ALONE, HASHES, RESULTS_VERSION } from "../report/results.ts";
import { costOverRows } from "./cost-over-rows.ts";
import { openDatabases } from "./databases.ts";
import type { LoadSet } from "./loads.ts";
import { commitOf, describeMachine, installedTools, preparedPeers } from "./preparation.ts";
import { type SlaEvents, SlaRun, type SlaSize } from "./sla-run.ts";
import { startTimes } from "./start-times.ts";

export interface SlaOptions extends SlaSize {
  /** As it was typed, for the report. */
  readonly command: string;
  readonly loadSets: readonly LoadSet[];
  /** Those that cannot be prepared on this machine are left out. */
  readonly peers: readonly Peer[];
}

/** The size of the quoted run. */
export const FULL_SIZE = { users: 10_000_000, rounds: 7, seconds: 3 } as const;
const ROW_COUNTS = [10_000, 1_000_000];

/** @throws {Error} no load tool is installed, or a contender does not keep the contract */
export async function benchSla(options: SlaOptions, events: SlaEvents): Promise<BenchResults> {
  const startedAt = new Date().toISOString();
  // Read now: files may change while the run goes on.
  const commit = await commitOf();
  const onProgress = (text: string) => events.progress(text);
  const { tools, versions, leftOut: missingTools } = await installedTools();
  const { peers, leftOut: missingPeers } = await preparedPeers(options.peers, onProgress);
  const leftOut = [...missingPeers, ...missingTools];
  await using folder = await Folder.make();
  onProgress("starting the databases");
  await using databases = await openDatabases(process.env);
  if (Object.keys(databases.pids).length === 0) {
    leftOut.push("CPU time: this run did not start the databases");
  }

  const contenders = [...peers.map(({ name }) => name), HASH_ALONE];
  const run = new SlaRun(
    { ...options, contenders, tools, peers, databases, folder: folder.path },
    events,
  );
  for (const set of options.loadSets) {
    const reason = databases.refusalOf(set.passwordHash);
    if (reason === undefined) await run.measure(set);
    else leftOut.push(`loads with ${set.passwordHash}: ${reason}`);
  }
  const sizes = [...new Set([...ROW_COUNTS, options.users])].filter(
    (rows) => rows <= options.users,
  );
  const overRows = options.isShort
    ? []
    : await costOverRows(sizes, tools[0], databases, folder.path, onProgress);
  leftOut.push(...missingParts(run, options.isShort, overRows.length > 0));
  onProgress("starting Portico on its embedded default");
  return {
    version: RESULTS_VERSION,
    startedAt,
    command: options.command,
    commit,
    machine: describeMachine({ ...databases.versions, ...versions }),
    isFull: isFull(options),
    rounds: options.rounds,
    roundSeconds: options.seconds,
    leftOut,
    loads: run.loads,
    overConnections: run.overConnections,
    overRows,
    memory: run.memory,
    startMs: await startTimes(options.isShort ? 1 : 5),
  };
}

/** At least as large as the quoted run. */
function isFull({ isShort, users, rounds, seconds }: SlaSize): boolean {
  const isLarge =
    users >= FULL_SIZE.users && rounds >= FULL_SIZE.rounds && seconds >= FULL_SIZE.seconds;
  return isLarge && !isShort;
}

/** The parts of a report that the run has no figures for, each with the reason. */
function missingParts(
  { loads, overConnections, memory }: SlaRun,
  isShort: boolean,
  hasRows: boolean,
): string[] {
  if (isShort) {
    return ["many loads, the curves over connections and rows, memory after a rest: a short run"];
  }
  const missing: string[] = [];
  if (!loads.some(({ endpoint }) => endpoint === "signup")) {
    missing.push(
      "signup: it needs wrk, because oha picks names at random and each can be used once",
    );
  }
  if (overConnections.length === 0) {
    missing.push(`throughput over connections: no loads with ${HASHES.classic}`);
  }
  if (!hasRows) {
    missing.push("cost over rows: it needs tables of several sizes, in databases of this run");
  }
  if (memory.length === 0) missing.push("memory after a rest: no load for it was measured");
  return missing;
}
