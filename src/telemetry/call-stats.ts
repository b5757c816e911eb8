import { Durations } from "../rpc/durations.ts";
import type { Interceptor, OnEnd, Outcome } from "../rpc/interceptor.ts";
import type { Phase, Phases } from "../rpc/phases.ts";

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
  /** For metrics, whose buckets are fewer. */
  readonly durations: ReadonlyMap<Outcome, Durations>;
}

class Counter implements MethodCount {
  readonly latency = new Histogram();
  readonly errors: Record<string, number> = {};
  calls = 0;
  inFlight = 0;
  readonly #done = new Durations();
  readonly durations = new Map<Outcome, Durations>([["done", this.#done]]);
  readonly #phases: PhaseDurations;

  constructor(phases: PhaseDurations) {
    this.#phases = phases;
  }

  readonly end: OnEnd = (outcome, { begunAt, phases }, endedAt) => {
    const ms = endedAt - begunAt;
    this.inFlight--;
    this.calls++;
    this.latency.add(ms);
    if (phases) this.#phases.add(phases, endedAt);
    if (outcome === "done") this.#done.add(ms);
    else this.#fail(outcome, ms);
  };

  #fail(outcome: Exclude<Outcome, "done">, ms: number): void {
    const durations = this.durations.get(outcome) ?? new Durations();
    durations.add(ms);
    this.durations.set(outcome, durations);
    this.errors[outcome] = (this.errors[outcome] ?? 0) + 1;
  }
}

/** How long calls were in each phase. */
class PhaseDurations {
  // Fields, because a loop over a Map costs several times as much.
  readonly #waiting = new Durations();
  readonly #connecting = new Durations();
  readonly #queue = new Durations();
  readonly #handler = new Durations();
  readonly byPhase: ReadonlyMap<Phase, Durations> = new Map([
    ["waiting for a connection", this.#waiting],
    ["connecting", this.#connecting],
    ["queue", this.#queue],
    ["handler", this.#handler],
  ]);

  add(phases: Phases, now: number): void {
    phases.update(now);
    this.#waiting.add(phases.waitingMs);
    this.#connecting.add(phases.connectingMs);
    this.#queue.add(phases.queueMs);
    this.#handler.add(phases.handlerMs);
  }
}

/** Counts the calls that pass its interceptor, for each method. */
export class CallStats {
  readonly #counters = new Map<string, Counter>();
  readonly #phases = new PhaseDurations();

  /** `Service.method` → its calls, in the order of the first calls. */
  get methods(): ReadonlyMap<string, MethodCount> {
    return this.#counters;
  }

  /** Of all calls of a client. On a server, calls have no phases. */
  get phases(): ReadonlyMap<Phase, Durations> {
    return this.#phases.byPhase;
  }

  readonly interceptor: Interceptor = ({ method }) => {
    const counter = this.#counter(method.name);
    counter.inFlight++;
    return counter.end;
  };

  #counter(name: string): Counter {
    let counter = this.#counters.get(name);
    if (!counter) {
      counter = new Counter(this.#phases);
      this.#counters.set(name, counter);
    }
    return counter;
  }
}
