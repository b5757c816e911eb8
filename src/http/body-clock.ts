import { Refusal } from "./reply.ts";

/** What the bodies of all requests are held to. */
export interface BodyLimits {
  /** How long a body may take. */
  readonly deadlineMs: number;
  /** How much of it must come in any time of `windowMs`, until it is whole. */
  readonly windowBytes: number;
  readonly windowMs: number;
  /** How much of all bodies may be in memory at once. */
  readonly budgetBytes: number;
}

/** 4 kB/s over any 10 s; a body of 8 MiB at 47 kB/s takes all of its three minutes. */
export const BODY_LIMITS: BodyLimits = {
  deadlineMs: 180_000,
  windowBytes: 40_000,
  windowMs: 10_000,
  budgetBytes: 128 * 1024 * 1024,
};

/** How often bodies are looked at in the time of a window. */
const TICKS_PER_WINDOW = 10;

/** A body that is not whole yet. */
export interface Coming {
  onTick(): void;
}

/** Cuts off bodies that come too slowly: one timer for all of them, and none if there are none. */
export class BodyClock {
  readonly #limits: BodyLimits;
  readonly #tickMs: number;
  readonly #coming = new Set<Coming>();
  #timer: Timer | undefined;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
    this.#tickMs = limits.windowMs / TICKS_PER_WINDOW;
  }

  /** Watch a body that is smaller than a window: it must be there after one. */
  watchSmall(onLate: (error: Refusal) => void): Coming {
    return this.#begin(new SmallBody(this, onLate));
  }

  /** @param countBytes that have come @param onLate called once */
  watch(countBytes: () => number, onLate: () => void): LargeBody {
    const { deadlineMs, windowBytes } = this.#limits;
    const maxTicks = Math.ceil(deadlineMs / this.#tickMs);
    return this.#begin(new LargeBody(countBytes, windowBytes, maxTicks, onLate));
  }

  end(coming: Coming): void {
    this.#coming.delete(coming);
  }

  tooSlow(): Refusal {
    const { deadlineMs, windowBytes, windowMs } = this.#limits;
    const rate = `${windowBytes} bytes in any ${windowMs / 1000} s`;
    return new Refusal(400, `body: at least ${rate}, and all within ${deadlineMs / 1000} s`);
  }

  #begin<T extends Coming>(coming: T): T {
    this.#coming.add(coming);
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs).unref();
    return coming;
  }

  #tick(): void {
    for (const coming of this.#coming) coming.onTick();
    if (this.#coming.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

class SmallBody implements Coming {
  readonly #clock: BodyClock;
  readonly #onLate: (error: Refusal) => void;
  #ticks = 0;

  constructor(clock: BodyClock, onLate: (error: Refusal) => void) {
    this.#clock = clock;
    this.#onLate = onLate;
  }

  onTick(): void {
    if (++this.#ticks <= TICKS_PER_WINDOW) return;
    this.#clock.end(this);
    this.#onLate(this.#clock.tooSlow());
  }
}

class LargeBody implements Coming {
  readonly #countBytes: () => number;
  readonly #windowBytes: number;
  readonly #maxTicks: number;
  readonly #onLate: () => void;
  /** How much had come at each of the last ticks. A tick more than a window: no tick is exact. */
  readonly #counts: number[] = Array(TICKS_PER_WINDOW + 1).fill(0);
  #ticks = 0;
  isLate = false;

  constructor(countBytes: () => number, windowBytes: number, maxTicks: number, onLate: () => void) {
    this.#countBytes = countBytes;
    this.#windowBytes = windowBytes;
    this.#maxTicks = maxTicks;
    this.#onLate = onLate;
  }

  onTick(): void {
    if (this.isLate) return;
    const at = this.#ticks++ % this.#counts.length;
    const count = this.#countBytes();
    const before = this.#counts[at] ?? 0;
    this.#counts[at] = count;
    const isWindowOver = this.#ticks >= this.#counts.length;
    const isSlow = isWindowOver && count - before < this.#windowBytes;
    if (!isSlow && this.#ticks < this.#maxTicks) return;
    this.isLate = true;
    this.#onLate();
  }
}
