import { Refusal } from "./reply.ts";

/** The limits of request bodies. */
export interface BodyLimits {
  /** How long a body may take as a whole. */
  readonly deadlineMs: number;
  /** How much must arrive in any `windowMs`, until the body is complete. */
  readonly windowBytes: number;
  readonly windowMs: number;
  /** How much memory all bodies together may take. */
  readonly budgetBytes: number;
}

/** At least 4 kB/s over any 10 s. An upload of 8 MiB at 47 kB/s takes the whole three minutes. */
export const BODY_LIMITS: BodyLimits = {
  deadlineMs: 180_000,
  windowBytes: 40_000,
  windowMs: 10_000,
  budgetBytes: 128 * 1024 * 1024,
};

/** How often bodies are checked in one window. */
const TICKS_PER_WINDOW = 10;

/** A body that is not complete yet. */
export interface PendingBody {
  onTick(): void;
}

/** Ends bodies that arrive too slowly. One timer serves all, and runs only if there are any. */
export class BodyClock {
  readonly #limits: BodyLimits;
  readonly #tickMs: number;
  readonly #pending = new Set<PendingBody>();
  #timer: Timer | undefined;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
    this.#tickMs = limits.windowMs / TICKS_PER_WINDOW;
  }

  /** Watch a body of less than `windowBytes`, which must be complete after one window. */
  watchSmall(onLate: (error: Refusal) => void): PendingBody {
    return this.#begin(new SmallBody(this, onLate));
  }

  /**
   * @param countBytes how many bytes have arrived
   * @param onLate called once if the body is too slow
   */
  watch(countBytes: () => number, onLate: () => void): LargeBody {
    const { deadlineMs, windowBytes } = this.#limits;
    const maxTicks = Math.ceil(deadlineMs / this.#tickMs);
    return this.#begin(new LargeBody(countBytes, windowBytes, maxTicks, onLate));
  }

  end(body: PendingBody): void {
    this.#pending.delete(body);
  }

  tooSlow(): Refusal {
    const { deadlineMs, windowBytes, windowMs } = this.#limits;
    const rate = `${windowBytes} bytes in any ${windowMs / 1000} s`;
    return new Refusal(400, `body: at least ${rate}, and all within ${deadlineMs / 1000} s`);
  }

  #begin<T extends PendingBody>(body: T): T {
    this.#pending.add(body);
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs).unref();
    return body;
  }

  #tick(): void {
    for (const body of this.#pending) body.onTick();
    if (this.#pending.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

class SmallBody implements PendingBody {
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

class LargeBody implements PendingBody {
  readonly #countBytes: () => number;
  readonly #windowBytes: number;
  readonly #maxTicks: number;
  readonly #onLate: () => void;
  /** The bytes at each of the last ticks; one more than a window has, since ticks are not exact. */
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
