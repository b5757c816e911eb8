import type { Interceptor, OnEnd } from "../rpc/interceptor.ts";

/** So many that the middle of a bucket is within 5 % of all that it holds. */
const BUCKETS_PER_OCTAVE = 8;
/** From 1 µs to 2^27 µs, which is over two minutes. */
const OCTAVES = 27;
const BUCKETS = BUCKETS_PER_OCTAVE * OCTAVES;

/** Counts durations in buckets that widen with them: one small array, however many there are. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;

  add(ms: number): void {
    const bucket = Math.floor(Math.log2(ms * 1000) * BUCKETS_PER_OCTAVE);
    const index = Math.min(Math.max(bucket, 0), BUCKETS - 1);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#total++;
  }

  /** The duration in ms that a `part` (0 to 1) of all stays within; NaN where there is none. */
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

/** What is known of one method's calls. */
export interface MethodCount {
  /** That ended, whatever way. */
  readonly calls: number;
  readonly inFlight: number;
  /** Error or RPC status → calls that ended with it. */
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

/** Counts the calls that pass its interceptor, method by method. */
export class CallStats {
  readonly #counters = new Map<string, Counter>();

  /** `Service.method` → its count, in the order of first calls. */
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
