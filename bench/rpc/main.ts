// `bun run bench rpc`: calls per second and latency of one call with several RPC libraries.

import { count, microseconds, times } from "../figures.ts";
import { median, quotient } from "../statistics.ts";
import { markdownTable } from "../tables.ts";
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
 * Measure every contender with every number of calls in flight. They take turns in each round, so
 * that a slower machine slows all of them. Figures are the medians of the rounds.
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
  const of = (key: keyof RoundResult) => median(results.map((result) => result[key])) ?? Number.NaN;
  return {
    callsPerSecond: of("callsPerSecond"),
    p50Ms: of("p50Ms"),
    p99Ms: of("p99Ms"),
    cpuUsPerCall: of("cpuUsPerCall"),
  };
}

/** A Markdown table. */
export function rpcTable(rows: readonly RpcBenchRow[]): string {
  const porticoRatio = ({ inFlight, callsPerSecond }: RpcBenchRow) => {
    const portico = rows.find((each) => each.name === "Portico" && each.inFlight === inFlight);
    return quotient(portico?.callsPerSecond, callsPerSecond);
  };
  return markdownTable(
    [
      { heading: "what", text: ({ name }) => name },
      { heading: "in flight", text: ({ inFlight }) => count(inFlight) },
      { heading: "calls/s", text: ({ callsPerSecond }) => count(callsPerSecond) },
      { heading: "Portico is", text: (row) => times(porticoRatio(row)) },
      { heading: "p50 ms", text: ({ p50Ms }) => p50Ms.toFixed(2) },
      { heading: "p99 ms", text: ({ p99Ms }) => p99Ms.toFixed(2) },
      { heading: "client CPU µs/call", text: ({ cpuUsPerCall }) => microseconds(cpuUsPerCall) },
    ],
    rows,
  );
}
