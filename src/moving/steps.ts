/** Shows how far a step is. */
export interface StepProgress {
  update(done: number): void;
  end(): void;
}

/** Where the steps of a move report to, and what may stop them. */
export interface Steps {
  /** If aborted, the move ends between two chunks, with the reason of the signal. */
  readonly stop: AbortSignal;
  /** @param what such as "Copying users to MySQL at 10.0.0.5:3306/portico" */
  begin(what: string, total: number, done?: number): StepProgress;
}

/**
 * Call `next` until it returns undefined.
 * @param next works on the next chunk, and returns how much of the total is done
 * @throws the reason of `steps.stop`
 */
export async function eachChunk(
  steps: Steps,
  [what, total, done = 0]: [what: string, total: number, done?: number],
  next: () => Promise<number | undefined>,
): Promise<void> {
  const progress = steps.begin(what, total, done);
  try {
    for (;;) {
      steps.stop.throwIfAborted();
      const reached = await next();
      if (reached === undefined) return;
      progress.update(Math.min(reached, total));
      // A read of SQLite blocks the event loop, so handle signals between two of them.
      await Bun.sleep(0);
    }
  } finally {
    progress.end();
  }
}
