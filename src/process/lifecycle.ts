import type { Log } from "../log.ts";

/** A started tier, as its main hands it over. */
export interface RunningTier {
  /** Where it can be reached, for people and for whoever started the process. */
  readonly address: string;
  /** Take no more work, finish what runs within `graceMs`, let go of everything. */
  close(graceMs: number): Promise<void>;
}

const GRACE_MS = 10_000;

/** Why an address cannot be had, in words. */
const LISTEN_FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use, or the host has no address",
  EADDRNOTAVAIL: "no such address on this machine",
  EACCES: "the port is for privileged processes",
};

/** Bind an address; a failure says which one, and by which variables it is set. */
export function listenOn<T>(
  prefix: "HTTP" | "RPC",
  { host, port }: { host: string; port: number },
  bind: () => T,
): T {
  try {
    return bind();
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const why = LISTEN_FAULTS[code] ?? cause;
    const variables = `${prefix}_HOST, ${prefix}_PORT`;
    throw new Error(`Cannot listen on ${host}:${port} (${variables}): ${why}`, { cause });
  }
}

/**
 * Start a tier, say so to the log and to a parent that listens, and close it on SIGTERM or SIGINT.
 * A process group and its parent may both pass a signal on, so a second one changes nothing.
 */
export async function runTier(log: Log, start: () => Promise<RunningTier>): Promise<void> {
  let tier: RunningTier | undefined;
  let closing = false;
  const close = async (reason: string): Promise<void> => {
    if (closing) return;
    closing = true;
    log.info({ reason }, "closing");
    // Without a tier it is still starting, waiting for its database perhaps: nothing can be lost.
    // What cannot be let go of (a database that hangs) ends with the process.
    await tier?.close(GRACE_MS).catch((err: unknown) => log.warn({ err }, "closed by force"));
    log.info("closed");
    process.exit(0);
  };
  process.on("SIGTERM", close);
  process.on("SIGINT", close);
  // The channel to a parent that started this tier for its own sake, as `bun run dev` does.
  process.on("disconnect", () => close("parent is gone"));

  try {
    tier = await start();
  } catch (error) {
    log.error({ err: error }, "cannot start");
    process.exit(1);
  }
  log.info({ address: tier.address, pid: process.pid }, "listening");
  process.send?.({ listening: tier.address });
}
