import type { ProcessLog } from "../telemetry/log.ts";
import { watchDescriptors } from "./descriptors.ts";
import { onEnd, speakThrough } from "./end.ts";
import { sendBeats } from "./heartbeat.ts";
import { GRACE_MS } from "./tier-process.ts";

/** A tier that its main has started. */
export interface RunningTier {
  /** The address that it listens on, for the log and the parent process. */
  readonly address: string;
  /** Accept no more work, finish running work within `graceMs`, release everything. */
  close(graceMs: number): Promise<void>;
  /** Close idle connections, because few file descriptors are left. */
  shed?(): void;
}

/** A tier may take this much longer than its grace to close. Then the process exits anyway. */
const MAX_LATE_MS = 1000;

/** Why an address cannot be used, and which variable to set. */
function listenFault(prefix: "HTTP" | "RPC", cause: unknown): string {
  const [host, port] = [`${prefix}_HOST`, `${prefix}_PORT`];
  const code = cause instanceof Error && "code" in cause ? cause.code : "";
  if (code === "EADDRINUSE")
    return ` (${host}, ${port}): the port is in use. Set ${port} to another`;
  if (code === "EACCES")
    return ` (${port}): only privileged processes may use this port. Set ${port} to another`;
  if (code === "EMFILE" || code === "ENFILE") return ": no file descriptors are left";
  // If a name has no address, Bun gives no code, or the code of an earlier call.
  return ` (${host}): not an address of this machine. Set ${host} to one that is`;
}

/** Bind an address. If that fails, the error names the address and the variable to set. */
export function listenOn<T>(
  prefix: "HTTP" | "RPC",
  { host, port }: { host: string; port: number },
  bind: () => T,
): T {
  try {
    return bind();
  } catch (cause) {
    const fault = listenFault(prefix, cause);
    throw new Error(`Cannot listen on ${host}:${port}${fault}`, { cause });
  }
}

/**
 * Start a tier, report its address to the log and the parent process, and close the tier when the
 * process must end.
 */
export async function runTier(log: ProcessLog, start: () => Promise<RunningTier>): Promise<void> {
  let tier: RunningTier | undefined;
  speakThrough(log);
  onEnd(async (reason) => {
    log.info({ reason }, "closing");
    // A tier that is still starting, for example one that waits for its database, has nothing to
    // lose. A connection that cannot be closed, for example because the database hangs, ends with
    // the process.
    const closed = tier?.close(GRACE_MS) ?? Promise.resolve();
    const byForce = Bun.sleep(GRACE_MS + MAX_LATE_MS).then(() => {
      throw new Error("not closed in time");
    });
    const err = await Promise.race([closed, byForce]).catch((error: unknown) => error);
    if (err !== undefined) log.warn({ err }, "closed by force");
    log.info("closed");
    await log.end();
    process.exit(0);
  });
  sendBeats();

  try {
    tier = await start();
  } catch (error) {
    log.error({ err: error }, "cannot start");
    await log.end();
    process.exit(1);
  }
  const { address, shed } = tier;
  watchDescriptors(log, shed);
  log.info({ address, pid: process.pid }, "listening");
  // Report after the log line, which is written at the end of this turn of the event loop.
  setImmediate(() => process.send?.({ listening: address }));
}
