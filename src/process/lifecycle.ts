import type { ProcessLog } from "../telemetry/log.ts";
import { watchDescriptors } from "./descriptors.ts";
import { onEnd, speakThrough } from "./end.ts";
import { BEAT_MS, GRACE_MS } from "./tier-process.ts";

/** A started tier, as its main hands it over. */
export interface RunningTier {
  /** Where it can be reached, for people and for the parent process. */
  readonly address: string;
  /** Take no more work, finish what runs within `graceMs`, let go of everything. */
  close(graceMs: number): Promise<void>;
  /** Close connections that are idle: there are few file descriptors left. */
  shed?(): void;
}

/** What a tier that was told to close may take beyond its grace, before it is ended by force. */
const MAX_LATE_MS = 1000;

/** Why an address cannot be had, and which variable to set. */
function listenFault(prefix: "HTTP" | "RPC", cause: unknown): string {
  const [host, port] = [`${prefix}_HOST`, `${prefix}_PORT`];
  const code = cause instanceof Error && "code" in cause ? cause.code : "";
  if (code === "EADDRINUSE")
    return `(${host}, ${port}): the port is in use. Set ${port} to another`;
  if (code === "EACCES") return `(${port}): the port is for privileged processes. Set another`;
  if (code === "EMFILE" || code === "ENFILE") return ": there are no file descriptors left";
  // For a name without an address, Bun gives no code, or that of an earlier call.
  return `(${host}): not an address of this machine. Set ${host} to one that is`;
}

/** Bind an address; a failure says which one, and which variable to set. */
export function listenOn<T>(
  prefix: "HTTP" | "RPC",
  { host, port }: { host: string; port: number },
  bind: () => T,
): T {
  try {
    return bind();
  } catch (cause) {
    const fault = listenFault(prefix, cause);
    throw new Error(`Cannot listen on ${host}:${port} ${fault}`, { cause });
  }
}

/**
 * Start a tier, say so to the log and to a parent that listens, and close it when the process is to
 * end.
 */
export async function runTier(log: ProcessLog, start: () => Promise<RunningTier>): Promise<void> {
  let tier: RunningTier | undefined;
  speakThrough(log);
  onEnd(async (reason) => {
    log.info({ reason }, "closing");
    // Without a tier it is still starting, waiting for its database perhaps: nothing can be lost.
    // What cannot be let go of (a database that hangs) ends with the process.
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
  const heart = setInterval(() => {
    if (process.connected) process.send?.({ beat: true });
  }, BEAT_MS);
  heart.unref();

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
  // After that line, which the log writes at the end of this turn of the event loop.
  setImmediate(() => process.send?.({ listening: address }));
}
