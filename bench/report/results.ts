// The results of a run of `bun run bench sla`, as in `bench/results/<time>.json`. The page and the
// tables are made from these figures alone.

import { type Static, type TSchema, Type } from "@sinclair/typebox";

export const PORTICO = "Portico";
export const BARE = "bare Bun.serve";
export const CLASSIC_GO = "classic Go";
export const NODE = "Node";
export const HASH_ALONE = "argon2id alone";

/** Values of PASSWORD_HASH: the classic scheme, a light argon2id, and the default. */
export const HASHES = {
  classic: "salted-md5",
  light: "argon2id:m=2048,t=1,p=1",
  default: "argon2id:m=19456,t=2,p=1",
} as const;

/** Changes if an older report could not read the file. */
export const RESULTS_VERSION = 3;

const Text = Type.String();
const Figure = Type.Number();
/** Undefined if the rounds do not tell. */
const maybe = <T extends TSchema>(schema: T) =>
  Type.Optional(Type.Union([schema, Type.Undefined()]));
/** Figures by process, as in `{ "HTTP": 9.1, "TCP": 7.2, "Redis": 3.3, "MariaDB": 0.1 }`. */
const ByProcess = Type.Record(Type.String(), Figure);

const Latency = Type.Object({ p50: Figure, p90: Figure, p99: Figure, p999: Figure, max: Figure });

const Spread = Type.Object({ least: Figure, median: Figure, most: Figure });

/** One contender under one load. */
const ContenderResult = Type.Object({
  name: Text,
  /** How many rounds the medians are of; 0 if it was not measured under this load. */
  rounds: Figure,
  requestsPerSecond: maybe(Spread),
  /** Portico's requests per second divided by this contender's in the same round; the median. */
  porticoRatio: maybe(Figure),
  /** The median of each quantile. */
  latencyMs: maybe(Latency),
  /** Answers with a status of 400 or more and failed connections, in all rounds together. */
  errors: Figure,
  /** Answers 503 with Retry-After of all rounds, if the load may exceed what can be hashed. */
  refused: Figure,
  /**
   * Answers that were compared in full, and how many of them were wrong; of all rounds. For
   * sign-ups these are all reported successes, and sign-ins of a few of the new users afterwards.
   */
  checked: Figure,
  wrong: Figure,
  /** CPU seconds per 1,000 requests of all processes; the median. */
  cpuSeconds: maybe(Figure),
  /** The same by process. These are medians too, so they need not add up exactly. */
  cpuSecondsByProcess: ByProcess,
  /** CPU per request divided by that of bare Bun.serve in the same round; the median. */
  cpuRatioToBare: maybe(Figure),
  /** Resident bytes at the end of a round; the medians. */
  memoryBytes: ByProcess,
  /** The part of all cores' time that the host gave to other machines; the median. */
  stolenShare: maybe(Figure),
});

const LoadResult = Type.Object({
  /** As in "get_user_info", "signin", "signup". */
  endpoint: Text,
  connections: Figure,
  /** How passwords are hashed. */
  passwordHash: Type.Optional(Text),
  /** In the table. */
  users: Figure,
  /** "wrk" or "oha". */
  tool: Text,
  /** Requests per second that the contract promises. */
  floor: Type.Optional(Figure),
  /** All contenders of the run, in the order of the tables. */
  contenders: Type.Array(ContenderResult),
});

export const BenchResults = Type.Object({
  version: Type.Literal(RESULTS_VERSION),
  /** UTC, as in "2026-11-23T14:52:13.000Z". */
  startedAt: Text,
  /** As in "bun run bench sla --quick". */
  command: Text,
  /** As `git describe --always --dirty` prints it, or "unknown". */
  commit: Text,
  machine: Type.Object({
    cpu: Text,
    cores: Figure,
    memoryBytes: Figure,
    kernel: Text,
    /** As in { "Bun": "1.4.5", "MariaDB": "10.11.14", "Redis": "7.0.15", "wrk": "4.1.0" }. */
    versions: Type.Record(Type.String(), Text),
  }),
  /** At least as large as `bun run bench sla` by default. Other runs are not quoted. */
  isFull: Type.Boolean(),
  rounds: Figure,
  roundSeconds: Figure,
  /** What was not measured and why, as in "classic Go: go is not installed". */
  leftOut: Type.Array(Text),
  loads: Type.Array(LoadResult),
  /** Throughput of get_user_info over the number of connections. */
  overConnections: Type.Array(
    Type.Object({ connections: Figure, name: Text, requestsPerSecond: Figure, errors: Figure }),
  ),
  /** Portico's cost over the rows of the table; empty if only one size was measured. */
  overRows: Type.Array(
    Type.Object({
      endpoint: Text,
      rows: Figure,
      /** Of both tiers, Redis and MariaDB together. */
      cpuMicrosPerRequest: Figure,
      requestsPerSecond: Figure,
    }),
  ),
  /**
   * Resident bytes of Portico's tiers: after the loads with a floor and 2,000 connections, and a
   * minute later. Each figure is the largest of all sets of users.
   */
  memory: Type.Array(Type.Object({ tier: Text, afterBytes: Figure, minuteLaterBytes: Figure })),
  /** From starting `bun src/dev-main.ts`, embedded, to its first answer: each try. */
  startMs: Type.Array(Figure),
});

export type BenchResults = Static<typeof BenchResults>;
export type LoadResult = Static<typeof LoadResult>;
export type ContenderResult = Static<typeof ContenderResult>;
export type Latency = Static<typeof Latency>;
export type Spread = Static<typeof Spread>;
export type CurvePoint = BenchResults["overConnections"][number];
export type RowsPoint = BenchResults["overRows"][number];
export type TierMemory = BenchResults["memory"][number];

/** Without a hash, a load with any hash matches. */
export type LoadKey = Pick<LoadResult, "endpoint" | "connections" | "passwordHash">;

/** If several tools have sent the same load, wrk's counts. */
export function findLoad(
  loads: readonly LoadResult[],
  { endpoint, connections, passwordHash }: LoadKey,
): LoadResult | undefined {
  const same = loads.filter(
    (load) =>
      load.endpoint === endpoint &&
      load.connections === connections &&
      (passwordHash === undefined || load.passwordHash === passwordHash),
  );
  return same.find(({ tool }) => tool === "wrk") ?? same[0];
}

/** Undefined if it was not measured under this load. */
export function findContender(
  load: LoadResult | undefined,
  name: string,
): ContenderResult | undefined {
  return load?.contenders.find((each) => each.name === name && each.rounds > 0);
}
