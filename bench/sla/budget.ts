// `bun run bench budget`: where the CPU time of one request goes, stage by stage.

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { type CpuProfile, ownTimes, type ProfiledFunction } from "../cpu-profile.ts";
import type { Peer } from "../peers/peer.ts";
import { portico } from "../peers/portico.ts";
import { microseconds } from "../report/figures.ts";
import { median } from "../report/summary.ts";
import { markdownTable } from "../report/tables.ts";
import { Contest, type Ground } from "./contest.ts";
import { type Databases, openDatabases } from "./databases.ts";
import type { LoadTool } from "./load-tool.ts";
import { HASHES } from "./loads.ts";
import { Users } from "./traffic.ts";
import { wrk } from "./wrk.ts";

const USERS = 100_000;
const CONNECTIONS = 200;
const ROUNDS = 5;
const SECONDS = 4;
/** Of a load's time, where all of it is load: wrk takes a while to begin. */
const WATCHED = { afterMs: 1_000, forMs: 2_500 };
/** So long that the start, which is in the profile too, hardly counts. */
const PROFILED_SECONDS = 20;
/** Smaller stages are summed up. */
const LEAST_MICROS = 0.1;

const SOCKET_WRITES: ReadonlySet<string> = new Set(["write", "writeBuffered", "writeUtf8String"]);

interface Stage {
  readonly process: string;
  readonly stage: string;
  readonly micros: number;
}

interface Costs {
  /** By process. */
  readonly micros: ReadonlyMap<string, number>;
  /** Of all cores: what nobody used. */
  readonly idleMicros: number;
  /** Of all cores, in all: what a request takes of the machine. */
  readonly machineMicros: number;
}

/** A Markdown table for each endpoint, in microseconds per request: of CPU time, and of the cores. */
export async function budget(onProgress: (text: string) => void): Promise<string> {
  if ((await wrk.version()) === undefined) throw new Error("Cannot send a load: install wrk");
  await using databases = await openDatabases({});
  const folder = await mkdtemp(join(tmpdir(), "portico-budget-"));
  try {
    const texts: string[] = [];
    for (const endpoint of ["get_user_info", "signin"] as const) {
      const { stages, costs } = await stagesOf(endpoint, databases, folder, onProgress);
      const { idleMicros, machineMicros } = costs;
      const total = stages.reduce((sum, { micros }) => sum + micros, 0);
      const columns = [
        { heading: `${endpoint}, ${CONNECTIONS} connections`, text: (row: Stage) => row.process },
        { heading: "stage", text: (row: Stage) => row.stage },
        { heading: "µs", text: (row: Stage) => microseconds(row.micros) },
      ];
      const rows = [
        ...stages,
        { process: "all", stage: "", micros: total },
        { process: "wrk", stage: "and what else runs", micros: machineMicros - idleMicros - total },
        { process: "idle", stage: "", micros: idleMicros },
        { process: `${cpus().length} cores`, stage: "", micros: machineMicros },
      ];
      texts.push(markdownTable(columns, rows));
    }
    return texts.join("\n\n");
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What a request costs each process, divided by what a profile says of the same load. */
async function stagesOf(
  endpoint: "get_user_info" | "signin",
  databases: Databases,
  folder: string,
  onProgress: (text: string) => void,
): Promise<{ stages: Stage[]; costs: Costs }> {
  const passwordHash = HASHES.classic;
  const databaseUrl = await databases.seeded(USERS, passwordHash);
  const ground = { databases, databaseUrl, users: new Users(USERS), passwordHash, folder };
  const load = { endpoint, connections: CONNECTIONS };
  const costs = await costOf(ground, load, onProgress);
  const profiles = join(folder, endpoint);
  {
    await using contest = await Contest.start([profiled(portico, profiles)], ground);
    const once = { tool: wrk, count: 1, seconds: PROFILED_SECONDS, warmUpSeconds: 1 };
    await contest.measure(load, once, (text) => onProgress(`profile: ${text}`));
  }
  const stages: Stage[] = [];
  for (const [process, micros] of costs.micros) {
    const shares = await sharesOf(join(profiles, process));
    const large = shares.filter(([, share]) => share * micros >= LEAST_MICROS);
    const rest = 1 - large.reduce((sum, [, share]) => sum + share, 0);
    if (rest > 0 && large.length > 0) large.push(["the rest", rest]);
    for (const [stage, share] of large) stages.push({ process, stage, micros: share * micros });
    if (large.length === 0) stages.push({ process, stage: "", micros });
  }
  return { stages, costs };
}

/** What a request costs, without a profiler in the way. */
async function costOf(
  ground: Ground,
  load: { readonly endpoint: "get_user_info" | "signin"; readonly connections: number },
  onProgress: (text: string) => void,
): Promise<Costs> {
  await using contest = await Contest.start([portico], ground);
  const idleMicros: number[] = [];
  const machineMicros: number[] = [];
  const tool: LoadTool = {
    ...wrk,
    async fire(shot) {
      const [hits, idle] = await Promise.all([wrk.fire(shot), idleShare()]);
      const micros = ((hits.seconds * cpus().length) / hits.requests) * 1e6;
      machineMicros.push(micros);
      idleMicros.push(micros * idle);
      return hits;
    },
  };
  const rounds = { tool, count: ROUNDS, seconds: SECONDS, warmUpSeconds: 2 };
  const { contenders } = await contest.measure(load, rounds, onProgress);
  const all = contenders.flatMap((contender) => contender.rounds);
  const processes = Object.keys(all[0]?.cpuSeconds ?? {});
  const medianOf = (values: readonly number[]) => median(values) ?? 0;
  return {
    micros: new Map(
      processes.map((process) => [
        process,
        medianOf(all.map((each) => ((each.cpuSeconds[process] ?? 0) / each.requests) * 1e6)),
      ]),
    ),
    // The warm-up was the first.
    idleMicros: medianOf(idleMicros.slice(1)),
    machineMicros: medianOf(machineMicros.slice(1)),
  };
}

/** Of all cores. */
async function idleShare(): Promise<number> {
  const idleMs = () => cpus().reduce((sum, { times }) => sum + times.idle, 0);
  await Bun.sleep(WATCHED.afterMs);
  const [before, beganAt] = [idleMs(), performance.now()];
  await Bun.sleep(WATCHED.forMs);
  return (idleMs() - before) / ((performance.now() - beganAt) * cpus().length);
}

function profiled(peer: Peer, folder: string): Peer {
  return {
    ...peer,
    tiers: (place) =>
      peer.tiers(place).map((tier) => {
        const [bun = "", ...rest] = tier.command;
        const options = ["--cpu-prof", `--cpu-prof-dir=${join(folder, tier.name)}`];
        return { ...tier, command: [bun, ...options, ...rest] };
      }),
  };
}

/** Of a process that left no profile, as a database, none. */
async function sharesOf(folder: string): Promise<[stage: string, share: number][]> {
  const [file] = await readdir(folder).catch(() => []);
  if (file === undefined) return [];
  const profile: CpuProfile = await Bun.file(join(folder, file)).json();
  return ownTimes(profile, stageOf);
}

/** What is native belongs to who called it, but for what leaves the process. */
function stageOf(stack: readonly ProfiledFunction[]): string {
  const [innermost] = stack;
  if (innermost?.path === "" && SOCKET_WRITES.has(innermost.name)) return "socket writes";
  const path = stack.find((each) => each.path !== "")?.path;
  if (path === undefined) return "Bun: event loop, reading, HTTP";
  const library = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
  if (library !== undefined) return library;
  const folder = /\/(src\/(?:http|rpc|gen|user|storage)|schema)\//.exec(path)?.[1];
  return folder ?? (path.startsWith("node:") || !path.includes("/") ? "node:*" : "src");
}
