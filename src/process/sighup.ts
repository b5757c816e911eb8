import type { ProcessLog } from "../telemetry/log.ts";

/**
 * Call `reload` after each SIGHUP, one call after the other, and log what it did. Signals that come
 * during a call share the next one. A tier whose parent is `start` or `dev` leaves this to the
 * parent. If stdout is a terminal, SIGHUP says that the terminal is closed, and ends the process.
 * @param reload returns the variables that have changed and need a restart
 */
export function onReload(log: ProcessLog, reload: () => Promise<readonly string[]>): void {
  if (process.send) {
    process.on("SIGHUP", () => undefined);
    return;
  }
  if (process.stdout.isTTY) return;
  let last = Promise.resolve();
  let isWaiting = false;
  process.on("SIGHUP", () => {
    // The one that waits will read what is there now, too.
    if (isWaiting) return;
    isWaiting = true;
    last = last.then(() => {
      isWaiting = false;
      return reloadNow(log, reload);
    });
  });
}

async function reloadNow(log: ProcessLog, reload: () => Promise<readonly string[]>): Promise<void> {
  try {
    const restart = await reload();
    log.info("reloaded the settings");
    if (restart.length === 0) return;
    log.warn({ variables: restart }, "these have changed, but count only after a restart");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    log.error({ why }, "cannot reload: the settings in use stay");
  }
}
