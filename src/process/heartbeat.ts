// How a parent tells a tier that is stuck, in an endless loop or stopped, from one that is busy.

/** How often a tier tells its parent that it is alive. */
const BEAT_MS = 500;
/**
 * A tier may miss this many beats. The parent counts its own ticks and does not use the clock: if
 * the machine was suspended, or is too busy for both processes, no beat counts as missed.
 */
const MAX_MISSED_BEATS = 10;

/** In a tier: send beats to the parent, if there is one. They do not keep the process alive. */
export function sendBeats(): void {
  const heart = setInterval(() => {
    if (process.connected) process.send?.({ beat: true });
  }, BEAT_MS);
  heart.unref();
}

/** In the parent: counts the beats that one tier has missed. */
export class HeartbeatMonitor {
  readonly #onStuck: () => void;
  #missedBeats = 0;
  #ticker: Timer | undefined;

  constructor(onStuck: () => void) {
    this.#onStuck = onStuck;
  }

  /** Begin to count. Before, a tier may be silent: a migration of a large database takes long. */
  start(): void {
    this.#ticker ??= setInterval(() => {
      if (++this.#missedBeats > MAX_MISSED_BEATS) this.#onStuck();
    }, BEAT_MS);
  }

  /** Any message of the tier is a sign of life. */
  heard(): void {
    this.#missedBeats = 0;
  }

  stop(): void {
    clearInterval(this.#ticker);
  }
}
