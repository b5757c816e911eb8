import type { Peer } from "../peers/peer.ts";
import {
  type CurvePoint,
  HASHES,
  type LoadResult,
  PORTICO,
  type TierMemory,
} from "../report/results.ts";
import { median, sum } from "../statistics.ts";
import { Comparison, type Rounds } from "./comparison.ts";
import type { Databases } from "./databases.ts";
import type { LoadTool } from "./load-tool.ts";
import type { Endpoint, Load, LoadSet } from "./loads.ts";
import type { MeasuredLoad } from "./round.ts";
import { summarize } from "./summary.ts";
import { Users } from "./traffic.ts";

/** argon2id is so slow that more users would change nothing. */
const MAX_ARGON2ID_USERS = 100_000;
const CURVE_CONNECTIONS = [1, 10, 50, 200, 500, 1000, 2000, 5000];
const CURVE_SECONDS = 3;
const REST_MS = 60_000;
/** Bun and Node need about this long to compile the code of an endpoint. */
const FIRST_WARM_UP_SECONDS = 10;
const WARM_UP_SECONDS = 2;

export interface SlaSize {
  /** Without the curves over connections and rows and memory after a rest, and with one start. */
  readonly isShort: boolean;
  readonly users: number;
  readonly rounds: number;
  readonly seconds: number;
}

interface SlaRunOptions extends SlaSize {
  /** Names, in the order of the tables. */
  readonly contenders: readonly string[];
  readonly tools: readonly [LoadTool, ...LoadTool[]];
  readonly peers: readonly Peer[];
  readonly databases: Databases;
  readonly folder: string;
}

export interface SlaEvents {
  progress(text: string): void;
  /** Called when a load has been measured on all contenders. */
  measured(load: LoadResult): void;
}

export class SlaRun {
  readonly loads: LoadResult[] = [];
  readonly overConnections: CurvePoint[] = [];
  readonly #memory = new Map<string, TierMemory>();
  readonly #options: SlaRunOptions;
  readonly #events: SlaEvents;

  constructor(options: SlaRunOptions, events: SlaEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** The largest figures of all sets. */
  get memory(): TierMemory[] {
    return [...this.#memory.values()];
  }

  async measure({ passwordHash, loads }: LoadSet): Promise<void> {
    const { databases, folder, isShort, tools } = this.#options;
    const isClassic = passwordHash === HASHES.classic;
    const users = isClassic
      ? this.#options.users
      : Math.min(this.#options.users, MAX_ARGON2ID_USERS);
    this.#events.progress(
      `filling MySQL with ${users.toLocaleString("en")} users, ${passwordHash}`,
    );
    const databaseUrl = await databases.seeded(users, passwordHash);
    const peers = this.#options.peers.filter(({ isService }) => isClassic || isService);
    await using comparison = await Comparison.start(peers, {
      databases,
      databaseUrl,
      users: new Users(users),
      passwordHash,
      folder,
    });
    const warm = new Set<Endpoint>();
    const forMemory: MeasuredLoad[] = [];
    for (const load of loads) {
      for (const tool of tools) {
        if (tool !== tools[0] && !isForBothTools(load, isClassic, isShort)) continue;
        // oha picks names at random, and a name can be used only once.
        if (load.endpoint === "signup" && tool.name === "oha") continue;
        const measured = await this.#measureLoad(comparison, load, tool, !warm.has(load.endpoint));
        warm.add(load.endpoint);
        if (countsForMemory(load)) forMemory.push(measured);
      }
      if (!isShort && countsForMemory(load) && load.endpoint === "signin") {
        await this.#measureMemory(comparison, forMemory);
      }
    }
    if (isClassic && !isShort) await this.#measureCurve(comparison);
  }

  async #measureLoad(
    comparison: Comparison,
    load: Load,
    tool: LoadTool,
    isFirst: boolean,
  ): Promise<MeasuredLoad> {
    const { contenders, rounds: count, seconds, isShort } = this.#options;
    const isLong = !isShort && isFirst;
    const warmUpSeconds = isLong ? FIRST_WARM_UP_SECONDS : Math.min(WARM_UP_SECONDS, seconds);
    const rounds: Rounds = { tool, count, extra: isShort ? 0 : count, seconds, warmUpSeconds };
    const measured = await comparison.measure(load, rounds, this.#events.progress);
    const result = summarize(measured, contenders, count);
    this.loads.push(result);
    this.#events.measured(result);
    return measured;
  }

  /**
   * The most memory that Portico's tiers held after any round of these loads, and what they hold a
   * minute later. Each set of users has its own processes.
   */
  async #measureMemory(comparison: Comparison, loads: readonly MeasuredLoad[]): Promise<void> {
    this.#events.progress("resting for a minute, to see how much memory is given back");
    await Bun.sleep(REST_MS);
    const later = comparison.contenders.find(({ name }) => name === PORTICO)?.memory() ?? {};
    const rounds = loads
      .flatMap(({ contenders }) => contenders.filter(({ name }) => name === PORTICO))
      .flatMap((contender) => contender.rounds);
    for (const [tier, laterBytes] of Object.entries(later)) {
      const known = this.#memory.get(tier);
      const after = rounds.map(({ memoryBytes }) => memoryBytes[tier] ?? 0);
      this.#memory.set(tier, {
        tier,
        afterBytes: Math.max(...after, known?.afterBytes ?? 0),
        minuteLaterBytes: Math.max(laterBytes, known?.minuteLaterBytes ?? 0),
      });
    }
  }

  async #measureCurve(comparison: Comparison): Promise<void> {
    const [tool] = this.#options.tools;
    const rounds: Rounds = { tool, count: 1, seconds: CURVE_SECONDS, warmUpSeconds: 1 };
    for (const connections of CURVE_CONNECTIONS) {
      const load: Load = { endpoint: "get_user_info", connections };
      const { contenders } = await comparison.measure(load, rounds, this.#events.progress);
      for (const { name, rounds } of contenders) {
        const requestsPerSecond = median(rounds.map((each) => each.requests / each.seconds)) ?? 0;
        const errors = sum(rounds.map((each) => each.errors));
        this.overConnections.push({ connections, name, requestsPerSecond, errors });
      }
    }
  }
}

/** The contract names some loads for both tools; a short run sends only two of them with both. */
function isForBothTools(load: Load, isClassic: boolean, isShort: boolean): boolean {
  if (load.floor === undefined || !isClassic) return false;
  return !isShort || load.connections <= 200;
}

/** The loads of the contract with 2,000 connections. */
function countsForMemory({ connections, floor }: Load): boolean {
  return connections === 2000 && floor !== undefined;
}
