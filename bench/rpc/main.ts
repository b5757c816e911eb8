// `bun run bench rpc`: calls per second and latency of one call, side by side in one run.

import type { RoundResult } from "./client-process.ts";
import { CONTENDERS, type ContenderName } from "./contenders.ts";
import { Pair } from "./pair.ts";

const NAMES = Object.keys(CONTENDERS).filter((name): name is ContenderName => name in CONTENDERS);

export interface RpcBenchOptions {
  readonly rounds: number;
  readonly durationMs: number;
  readonly inFlight: readonly number[];
}

export interface RpcBenchRow extends RoundResult {
  readonly name: ContenderName;
  readonly inFlight: number;
}

/**
 * Measure every contender at every number of calls in flight: one round each in turn, so that a
 * machine that slows down slows all of them, and of the rounds the median.
 */
export async function benchRpc(
  { rounds, durationMs, inFlight }: RpcBenchOptions,
  onProgress: (text: string) => void = () => undefined,
): Promise<RpcBenchRow[]> {
  await using pairs = new AsyncDisposableStack();
  const started: { name: ContenderName; pair: Pair }[] = [];
  for (const name of NAMES) started.push({ name, pair: pairs.use(await Pair.start(name)) });
  const rows: RpcBenchRow[] = [];
  for (const calls of inFlight) {
    const results = new Map<ContenderName, RoundResult[]>(NAMES.map((name) => [name, []]));
    for (let round = 0; round <= rounds; round++) {
      for (const { name, pair } of started) {
        onProgress(`${calls} in flight, round ${round} of ${rounds}: ${name}`);
        const result = await pair.measure({ inFlight: calls, durationMs });
        if (round > 0) results.get(name)?.push(result); // The first round warms up.
      }
    }
    for (const [name, ofName] of results) {
      rows.push({ name, inFlight: calls, ...medians(ofName) });
    }
  }
  return rows;
}

function medians(results: readonly RoundResult[]): RoundResult {
  const of = (key: keyof RoundResult) => median(results.map((result) => result[key]));
  return {
    callsPerSecond: of("callsPerSecond"),
    p50Ms: of("p50Ms"),
    p99Ms: of("p99Ms"),
    cpuUsPerCall: of("cpuUsPerCall"),
  };
}

function median(values: number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** The rows as a Markdown table, each number of calls in flight with its ratios to Portico. */
export function rpcTable(rows: readonly RpcBenchRow[]): string {
  const lines = [
    "| in flight | what | calls/s | Portico is | p50 ms | p99 ms | client CPU µs/call |",
    "| ---: | --- | ---: | ---: | ---: | ---: | ---: |",
  ];
  for (const row of rows) {
    const ours = rows.find((each) => each.name === "Portico" && each.inFlight === row.inFlight);
    const ratio = ours ? (ours.callsPerSecond / row.callsPerSecond).toFixed(2) : "";
    const { inFlight, name, callsPerSecond, p50Ms, p99Ms, cpuUsPerCall } = row;
    const figures = [p50Ms.toFixed(2), p99Ms.toFixed(2), cpuUsPerCall.toFixed(1)].join(" | ");
    const calls = Math.round(callsPerSecond).toLocaleString("en");
    lines.push(`| ${inFlight} | ${name} | ${calls} | ${ratio} × | ${figures} |`);
  }
  return lines.join("\n");
}
