import type { Interceptor, OnEnd } from "../rpc/interceptor.ts";

/** With 8, every duration in a bucket is within 5 % of the middle of the bucket. */
const BUCKETS_PER_OCTAVE = 8;
/** From 1 µs to 2^27 µs, more than two minutes. */
const OCTAVES = 27;
const BUCKETS = BUCKETS_PER_OCTAVE * OCTAVES;

/** Counts durations in buckets on a logarithmic scale, in one small array. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;

  add(ms: number): void {
    const bucket = Math.floor(Math.log2(ms * 1000) * BUCKETS_PER_OCTAVE);
    const index = Math.min(Math.max(bucket, 0), BUCKETS - 1);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#total++;
  }

  /** The duration in ms that a `part` (0 to 1) of all calls does not exceed; NaN without calls. */
  quantile(part: number): number {
    if (this.#total === 0) return Number.NaN;
    const wanted = Math.max(1, Math.ceil(part * this.#total));
    let seen = 0;
    const index = this.#counts.findIndex((count) => {
      seen += count;
      return seen >= wanted;
    });
    return 2 ** ((index + 0.5) / BUCKETS_PER_OCTAVE) / 1000;
  }
}

/** The calls of one method. */
export interface MethodCount {
  /** Calls that have ended, with any outcome. */
  readonly calls: number;
  readonly inFlight: number;
  /** Error or RPC status → number of calls. */
  readonly errors: Readonly<Record<string, number>>;
  readonly latency: Histogram;
}

class Counter implements MethodCount {
  readonly latency = new Histogram();
  readonly errors: Record<string, number> = {};
  calls = 0;
  inFlight = 0;

  readonly end: OnEnd = (outcome, { begunAt }) => {
    this.inFlight--;
    this.calls++;
    this.latency.add(performance.now() - begunAt);
    if (outcome !== "done") this.errors[outcome] = (this.errors[outcome] ?? 0) + 1;
  };
}

/** Counts the calls that pass its interceptor, for each method. */
export class CallStats {
  readonly #counters = new Map<string, Counter>();

  /** `Service.method` → its calls, in the order of the first calls. */
  get methods(): ReadonlyMap<string, MethodCount> {
    return this.#counters;
  }

  readonly interceptor: Interceptor = ({ method }) => {
    const counter = this.#counter(method.name);
    counter.inFlight++;
    return counter.end;
  };

  #counter(name: string): Counter {
    let counter = this.#counters.get(name);
    if (!counter) {
      counter = new Counter();
      this.#counters.set(name, counter);
    }
    return counter;
  }
}
