import type { MeasuredLoad, Round } from "../../sla/round.ts";
import { summarize } from "../../sla/summary.ts";
import { BARE, type BenchResults, PORTICO, RESULTS_VERSION } from "../results.ts";

const CONTENDERS = [PORTICO, BARE, "peer A", "peer B by another", "a peer with quite a long name"];
const ROUNDS = 3;

interface Given extends Partial<Omit<BenchResults, "loads">> {
  readonly contenders?: readonly string[];
  readonly loads?: readonly MeasuredLoad[];
}

/** A round of one second with usual figures, except those that are given. */
export function round(given: Partial<Round> = {}): Round {
  return {
    seconds: 1,
    requests: 1000,
    errors: 0,
    refused: 0,
    checked: 10,
    wrong: 0,
    latencyMs: { p50: 1, p90: 2, p99: 3, p999: 4, max: 5 },
    cpuSeconds: { HTTP: 0.5, TCP: 0.25 },
    memoryBytes: { HTTP: 2 ** 20, TCP: 2 ** 21 },
    stolenShare: 0.05,
    ...given,
  };
}

/** Rounds of three loads, as of a whole run. Every figure comes from a formula. */
export function madeUpLoads(): MeasuredLoad[] {
  const loads = [
    { endpoint: "get_user_info", connections: 200, tool: "made-up wrk", floor: 3000 },
    { endpoint: "get_user_info", connections: 2000, tool: "made-up wrk" },
    {
      endpoint: "signin",
      connections: 200,
      passwordHash: "argon2id:m=1,t=1,p=1",
      tool: "made-up oha",
      floor: 90_000,
    },
  ];
  return loads.map((load, index) => madeUpLoad({ ...load, users: 1234 }, index));
}

/** Results as of a whole run. Every figure comes from a formula. */
export function madeUpResults({ loads = madeUpLoads(), contenders, ...given }: Given = {}) {
  const results: BenchResults = {
    ...RUN,
    loads: loads.map((load) => {
      const names = new Set([
        ...(contenders ?? CONTENDERS),
        ...load.contenders.map(({ name }) => name),
      ]);
      return summarize(load, [...names], ROUNDS);
    }),
    ...given,
  };
  return results;
}

const RUN: Omit<BenchResults, "loads"> = {
  version: RESULTS_VERSION,
  startedAt: "2001-02-03T04:05:06.000Z",
  command: "made up by a test",
  commit: "0000000",
  machine: {
    cpu: "Made-up <CPU> & more",
    cores: 3,
    memoryBytes: 7 * 2 ** 30,
    kernel: "made-up kernel",
    versions: { Bun: "0.0.1", MariaDB: "0.0.2" },
  },
  isFull: true,
  rounds: ROUNDS,
  roundSeconds: 2,
  leftOut: ["peer Z: a made-up reason"],
  overConnections: CONTENDERS.flatMap((name, index) =>
    [1, 10, 100, 200, 500, 1000, 2000, 5000].map((connections) => ({
      connections,
      name,
      requestsPerSecond: (40_000 * connections) / (connections + 20 + 30 * index) / (index + 1),
      errors: index === 2 && connections === 5000 ? 77 : 0,
    })),
  ),
  overRows: ["get_user_info", "signin"].flatMap((endpoint, index) =>
    [10_000, 100_000, 1_000_000, 10_000_000].map((rows) => ({
      endpoint,
      rows,
      cpuMicrosPerRequest: 30 + 25 * index + Math.log10(rows),
      requestsPerSecond: 30_000 - 9000 * index - 100 * Math.log10(rows),
    })),
  ),
  memory: [
    { tier: "HTTP", afterBytes: 201 * 2 ** 20, minuteLaterBytes: 102 * 2 ** 20 },
    { tier: "TCP", afterBytes: 153 * 2 ** 20, minuteLaterBytes: 94 * 2 ** 20 },
  ],
  startMs: [412, 398, 405],
};

function madeUpLoad(load: Omit<MeasuredLoad, "contenders">, loadIndex: number): MeasuredLoad {
  const contenders = CONTENDERS.map((name, index) => {
    const slow = (index === 1 ? 0.4 : index + 1) * (loadIndex + 1);
    const rounds = [1, 1.1, 0.93].map((luck) =>
      round({
        seconds: 2,
        requests: Math.round((80_123 * luck) / slow),
        errors: index === 3 ? 4 : 0,
        latencyMs: {
          p50: (2.01 * slow) / luck,
          p90: (3.23 * slow) / luck,
          p99: (9.47 * slow) / luck,
          p999: (33.1 * slow) / luck,
          max: (91.7 * slow) / luck,
        },
        cpuSeconds:
          index === 1
            ? { HTTP: 0.97 }
            : { HTTP: 1.31 / luck, TCP: 0.72 / luck, Redis: 0.23, MariaDB: 0.11 },
        memoryBytes: { HTTP: (60 + index) * 2 ** 20, TCP: (50 + index) * 2 ** 20 },
      }),
    );
    return { name, rounds };
  });
  return { ...load, contenders };
}
