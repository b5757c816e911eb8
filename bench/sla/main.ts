// `bun run bench sla`: the loads of the contract on Portico and its peers, side by side.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { barePeer } from "../peers/bare.ts";
import { classicGo } from "../peers/classic-go.ts";
import { nodePeer } from "../peers/node.ts";
import type { Peer } from "../peers/peer.ts";
import { portico } from "../peers/portico.ts";
import {
  type BenchResults,
  type CurvePoint,
  HASH_ALONE,
  type LoadResult,
  PORTICO,
  type TierMemory,
} from "../report/results.ts";
import { median } from "../report/summary.ts";
import { Contest, type Rounds } from "./contest.ts";
import { costOverRows } from "./cost-over-rows.ts";
import { type Databases, openDatabases } from "./databases.ts";
import type { LoadTool } from "./load-tool.ts";
import { type Endpoint, HASHES, type Load, type LoadSet } from "./loads.ts";
import { commitOf, describeMachine } from "./machine.ts";
import { installedTools, preparedPeers, toolchains } from "./preparation.ts";
import { startTimes } from "./start-times.ts";
import { Users } from "./traffic.ts";

export interface SlaOptions {
  /** As it was typed, for the report. */
  readonly command: string;
  readonly loadSets: readonly LoadSet[];
  /** Those that are there, of these. */
  readonly peers: readonly Peer[];
  /** Without the curves over connections and rows and memory after a rest, and with one start. */
  readonly isShort: boolean;
  readonly users: number;
  readonly rounds: number;
  readonly seconds: number;
}

export interface SlaEvents {
  progress(text: string): void;
  /** A load is through on all contenders. */
  measured(load: LoadResult): void;
}

/** The ceiling, and the services below it. */
export const ALL_PEERS: readonly Peer[] = [barePeer, portico, classicGo, nodePeer];

/** Of the run that is quoted. */
export const FULL_SIZE = { users: 10_000_000, rounds: 7, seconds: 3 } as const;
/** A hash of these takes so long that more users would change nothing. */
const MOST_ARGON2ID_USERS = 100_000;
const CURVE_CONNECTIONS = [1, 10, 50, 200, 500, 1000, 2000, 5000];
const CURVE_SECONDS = 3;
const ROW_COUNTS = [10_000, 1_000_000];
const COOL_DOWN_MS = 60_000;
/** Bun and Node compile what they run for about so long; of loads that they know, less will do. */
const FIRST_WARM_UP_SECONDS = 10;
const WARM_UP_SECONDS = 2;

/** @throws {Error} nothing to send a load with, or a contender that does not keep the contract */
export async function benchSla(options: SlaOptions, events: SlaEvents): Promise<BenchResults> {
  const startedAt = new Date().toISOString();
  // What is measured, whatever is edited while it runs.
  const commit = await commitOf();
  const { tools, versions, leftOut: missingTools } = await installedTools();
  const { peers, leftOut: missingPeers } = await preparedPeers(options.peers, events);
  const leftOut = [...missingPeers, ...missingTools];
  await using cleanup = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "portico-bench-"));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  events.progress("starting the databases");
  const databases = cleanup.use(await openDatabases(process.env));
  if (Object.keys(databases.pids).length === 0) {
    leftOut.push("CPU time: the databases are not this run's own");
  }

  const run = new SlaRun({ ...options, tools, peers, databases, folder }, events);
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
    : await costOverRows(sizes, tools[0], databases, folder, events);
  leftOut.push(...missingParts(run, { isShort: options.isShort, overRows }));
  events.progress("starting Portico on its embedded default");
  const startMs = await startTimes(options.isShort ? 1 : 5);
  return {
    version: 2,
    startedAt,
    command: options.command,
    commit,
    machine: await describeMachine({ ...databases.versions, ...versions, ...toolchains() }),
    isFull: isFull(options),
    rounds: options.rounds,
    roundSeconds: options.seconds,
    contenders: [...peers.map(({ name }) => name), HASH_ALONE],
    leftOut,
    loads: run.loads,
    overConnections: run.overConnections,
    overRows,
    memory: run.memory,
    startMs,
  };
}

interface SlaParts extends SlaOptions {
  readonly tools: readonly [LoadTool, ...LoadTool[]];
  readonly peers: readonly Peer[];
  readonly databases: Databases;
  readonly folder: string;
}

class SlaRun {
  readonly loads: LoadResult[] = [];
  readonly overConnections: CurvePoint[] = [];
  readonly #memory = new Map<string, TierMemory>();
  readonly #parts: SlaParts;
  readonly #events: SlaEvents;

  constructor(parts: SlaParts, events: SlaEvents) {
    this.#parts = parts;
    this.#events = events;
  }

  /** The most of any set. */
  get memory(): TierMemory[] {
    return [...this.#memory.values()];
  }

  async measure({ passwordHash, loads }: LoadSet): Promise<void> {
    const { databases, folder, isShort, tools } = this.#parts;
    const isClassic = passwordHash === HASHES.classic;
    const users = isClassic ? this.#parts.users : Math.min(this.#parts.users, MOST_ARGON2ID_USERS);
    this.#events.progress(
      `filling MySQL with ${users.toLocaleString("en")} users, ${passwordHash}`,
    );
    const databaseUrl = await databases.seeded(users, passwordHash);
    const peers = this.#parts.peers.filter(({ isService }) => isClassic || isService);
    await using contest = await Contest.start(peers, {
      databases,
      databaseUrl,
      users: new Users(users),
      passwordHash,
      folder,
    });
    const known = new Set<Endpoint>();
    for (const load of loads) {
      for (const tool of tools) {
        // The loads that the contract names by both, in a short run two of them; the first tool is
        // for all else, too.
        const isNamed = load.floor !== undefined && isClassic;
        const isEnough = isShort && load.connections > 200;
        if (tool !== tools[0] && (!isNamed || isEnough)) continue;
        // oha draws names, and a name can be taken only once.
        if (load.endpoint === "signup" && tool.name === "oha") continue;
        await this.#measureLoad(contest, load, tool, !known.has(load.endpoint));
        known.add(load.endpoint);
      }
      if (!isShort && countsForMemory(load) && load.endpoint === "signin") {
        this.#keepMost(await this.#coolDown(contest, passwordHash));
      }
    }
    if (isClassic && !isShort) await this.#measureCurve(contest);
  }

  async #measureLoad(
    contest: Contest,
    load: Load,
    tool: LoadTool,
    isFirst: boolean,
  ): Promise<void> {
    const { rounds: count, seconds, isShort } = this.#parts;
    const isLong = !isShort && isFirst;
    const warmUpSeconds = isLong ? FIRST_WARM_UP_SECONDS : Math.min(WARM_UP_SECONDS, seconds);
    const more = isShort ? 0 : count;
    const rounds: Rounds = { tool, count, more, seconds, warmUpSeconds };
    const result = await contest.measure(load, rounds, (text) => this.#events.progress(text));
    this.loads.push(result);
    this.#events.measured(result);
  }

  /** The most that Portico's tiers held after a round that counts for it, and a minute later. */
  async #coolDown(contest: Contest, passwordHash: string): Promise<TierMemory[]> {
    this.#events.progress("a minute of rest, to see what memory is given back");
    await Bun.sleep(COOL_DOWN_MS);
    const later = contest.contenders.find(({ name }) => name === PORTICO)?.memory() ?? {};
    const rounds = this.loads
      .filter((load) => countsForMemory(load) && load.passwordHash === passwordHash)
      .flatMap(({ contenders }) => contenders.filter(({ name }) => name === PORTICO))
      .flatMap((contender) => contender.rounds);
    return Object.entries(later).map(([tier, minuteLaterBytes]) => {
      const afterBytes = Math.max(...rounds.map(({ memoryBytes }) => memoryBytes[tier] ?? 0));
      return { tier, afterBytes, minuteLaterBytes };
    });
  }

  /** Each set of users has processes of its own. */
  #keepMost(memory: readonly TierMemory[]): void {
    for (const { tier, afterBytes, minuteLaterBytes } of memory) {
      const before = this.#memory.get(tier);
      this.#memory.set(tier, {
        tier,
        afterBytes: Math.max(afterBytes, before?.afterBytes ?? 0),
        minuteLaterBytes: Math.max(minuteLaterBytes, before?.minuteLaterBytes ?? 0),
      });
    }
  }

  async #measureCurve(contest: Contest): Promise<void> {
    const [tool] = this.#parts.tools;
    const rounds: Rounds = { tool, count: 1, seconds: CURVE_SECONDS, warmUpSeconds: 1 };
    for (const connections of CURVE_CONNECTIONS) {
      const load: Load = { endpoint: "get_user_info", connections };
      const result = await contest.measure(load, rounds, (text) => this.#events.progress(text));
      for (const { name, rounds } of result.contenders) {
        const requestsPerSecond = median(rounds.map((each) => each.requests / each.seconds)) ?? 0;
        const errors = rounds.reduce((total, each) => total + each.errors, 0);
        this.overConnections.push({ connections, name, requestsPerSecond, errors });
      }
    }
  }
}

/** Whether it is the run that is quoted, or a longer one. */
function isFull({ isShort, users, rounds, seconds }: SlaOptions): boolean {
  const { users: leastUsers, rounds: leastRounds, seconds: leastSeconds } = FULL_SIZE;
  const isLarge = users >= leastUsers && rounds >= leastRounds && seconds >= leastSeconds;
  return isLarge && !isShort;
}

/** What there is none of, and why. */
function missingParts(
  { loads, overConnections, memory }: SlaRun,
  { isShort, overRows }: { isShort: boolean; overRows: readonly unknown[] },
): string[] {
  if (isShort) {
    return ["many loads, the curves over connections and rows, memory after a rest: a short run"];
  }
  const missing: string[] = [];
  if (!loads.some(({ endpoint }) => endpoint === "signup")) {
    missing.push("signup: it takes wrk, as oha draws names and each can be taken once");
  }
  if (overConnections.length === 0)
    missing.push(`throughput over connections: no ${HASHES.classic}`);
  if (overRows.length === 0) {
    missing.push(
      "cost over rows: it takes tables of several sizes, in databases of this run's own",
    );
  }
  if (memory.length === 0) missing.push("memory after a rest: no such load");
  return missing;
}

/** Of the contract, with 2,000 connections. */
function countsForMemory({ connections, floor }: Pick<Load, "connections" | "floor">): boolean {
  return connections === 2000 && floor !== undefined;
}
