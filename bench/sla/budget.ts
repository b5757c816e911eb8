// `bun run bench budget`: where the CPU time of one request goes, stage by stage.

import { readdir } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { Folder } from "../../test/child.ts";
import { type CpuProfile, ownTimes, type ProfiledFunction } from "../cpu-profile.ts";
import { microseconds } from "../figures.ts";
import type { Peer } from "../peers/peer.ts";
import { portico } from "../peers/portico.ts";
import { HASHES } from "../report/results.ts";
import { median, sum } from "../statistics.ts";
import { markdownTable } from "../tables.ts";
import { Comparison } from "./comparison.ts";
import { type Databases, openDatabases } from "./databases.ts";
import type { Environment } from "./load-run.ts";
import type { LoadTool } from "./load-tool.ts";
import { Users } from "./traffic.ts";
import { wrk } from "./wrk.ts";

const USERS = 100_000;
const CONNECTIONS = 200;
const ROUNDS = 5;
const SECONDS = 4;
/** The part of a load in which idle time is measured: wrk needs a moment to start. */
const WATCHED = { afterMs: 1_000, forMs: 2_500 };
/** The profile includes the start of the process; in this time it hardly counts. */
const PROFILED_SECONDS = 20;
/** Smaller stages are added up. */
const MIN_STAGE_MICROS = 0.1;

const SOCKET_WRITES: ReadonlySet<string> = new Set(["write", "writeBuffered", "writeUtf8String"]);

interface Stage {
  readonly process: string;
  readonly stage: string;
  readonly micros: number;
}

interface Costs {
  /** By process. */
  readonly micros: ReadonlyMap<string, number>;
  /** Idle time of all cores. */
  readonly idleMicros: number;
  /** Time of all cores together. */
  readonly machineMicros: number;
}

/** A Markdown table for each endpoint: microseconds of CPU time and of all cores, per request. */
export async function budget(onProgress: (text: string) => void): Promise<string> {
  if ((await wrk.version()) === undefined) throw new Error("Cannot send a load: install wrk");
  await using databases = await openDatabases({});
  await using folder = await Folder.make();
  const texts: string[] = [];
  for (const endpoint of ["get_user_info", "signin"] as const) {
    const { stages, costs } = await stagesOf(endpoint, databases, folder.path, onProgress);
    const { idleMicros, machineMicros } = costs;
    const total = sum(stages.map(({ micros }) => micros));
    const others = machineMicros - idleMicros - total;
    const columns = [
      { heading: `${endpoint}, ${CONNECTIONS} connections`, text: (row: Stage) => row.process },
      { heading: "stage", text: (row: Stage) => row.stage },
      { heading: "µs", text: (row: Stage) => microseconds(row.micros) },
    ];
    const rows = [
      ...stages,
      { process: "all", stage: "", micros: total },
      { process: "wrk", stage: "and other processes", micros: others },
      { process: "idle", stage: "", micros: idleMicros },
      { process: `${cpus().length} cores`, stage: "", micros: machineMicros },
    ];
    texts.push(markdownTable(columns, rows));
  }
  return texts.join("\n\n");
}

/** The cost of a request by process, split into stages as in a profile of the same load. */
async function stagesOf(
  endpoint: "get_user_info" | "signin",
  databases: Databases,
  folder: string,
  onProgress: (text: string) => void,
): Promise<{ stages: Stage[]; costs: Costs }> {
  const passwordHash = HASHES.classic;
  const databaseUrl = await databases.seeded(USERS, passwordHash);
  const environment = { databases, databaseUrl, users: new Users(USERS), passwordHash, folder };
  const load = { endpoint, connections: CONNECTIONS };
  const costs = await costOf(environment, load, onProgress);
  const profiles = join(folder, endpoint);
  {
    await using comparison = await Comparison.start([profiled(portico, profiles)], environment);
    const once = { tool: wrk, count: 1, seconds: PROFILED_SECONDS, warmUpSeconds: 1 };
    await comparison.measure(load, once, (text) => onProgress(`profile: ${text}`));
  }
  const stages: Stage[] = [];
  for (const [process, micros] of costs.micros) {
    const shares = await sharesOf(join(profiles, process));
    const large = shares.filter(([, share]) => share * micros >= MIN_STAGE_MICROS);
    const rest = 1 - sum(large.map(([, share]) => share));
    if (rest > 0 && large.length > 0) large.push(["the rest", rest]);
    for (const [stage, share] of large) stages.push({ process, stage, micros: share * micros });
    if (large.length === 0) stages.push({ process, stage: "", micros });
  }
  return { stages, costs };
}

/** The cost of a request, measured without the profiler. */
async function costOf(
  environment: Environment,
  load: { readonly endpoint: "get_user_info" | "signin"; readonly connections: number },
  onProgress: (text: string) => void,
): Promise<Costs> {
  await using comparison = await Comparison.start([portico], environment);
  const idleMicros: number[] = [];
  const machineMicros: number[] = [];
  const tool: LoadTool = {
    ...wrk,
    async send(options) {
      const [report, idle] = await Promise.all([wrk.send(options), idleShare()]);
      const micros = ((report.seconds * cpus().length) / report.requests) * 1e6;
      machineMicros.push(micros);
      idleMicros.push(micros * idle);
      return report;
    },
  };
  const rounds = { tool, count: ROUNDS, seconds: SECONDS, warmUpSeconds: 2 };
  const { contenders } = await comparison.measure(load, rounds, onProgress);
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
    // The first is the warm-up.
    idleMicros: medianOf(idleMicros.slice(1)),
    machineMicros: medianOf(machineMicros.slice(1)),
  };
}

/** The idle part of all cores' time. */
async function idleShare(): Promise<number> {
  const idleMs = () => sum(cpus().map(({ times }) => times.idle));
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

/** Empty for a process without a profile, such as a database. */
async function sharesOf(folder: string): Promise<[stage: string, share: number][]> {
  const [file] = await readdir(folder).catch(() => []);
  if (file === undefined) return [];
  const profile: CpuProfile = await Bun.file(join(folder, file)).json();
  return ownTimes(profile, stageOf);
}

/** Native code counts for its caller, except writes to a socket. */
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
