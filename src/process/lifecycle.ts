import type { ProcessLog } from "../telemetry/log.ts";
import { watchDescriptors } from "./descriptors.ts";
import { DrainOrders } from "./drain-order.ts";
import { isSignal, onEnd, speakThrough } from "./end.ts";
import { sendBeats } from "./heartbeat.ts";
import { answerQuestions } from "./questions.ts";
import { onReload } from "./sighup.ts";
import type { Systemd } from "./systemd.ts";
import { GRACE_MS } from "./tier-process.ts";

/** A tier that its main has started. */
export interface RunningTier {
  /** The address that it listens on, for the log and the parent process. */
  readonly address: string;
  /** Accept no more work, finish running work within `graceMs`, release everything. */
  close(graceMs: number): Promise<void>;
  /** Close idle connections, because few file descriptors are left. */
  shed?(): void;
  /** Why the tier is not ready; empty if it is. Answers within a second. */
  readiness?(): Promise<readonly string[]>;
  /** Not ready from now on; work goes on. Called before the drain. */
  retire?(): void;
  /** The metrics as JSON of the library's registry, for a parent that aggregates. */
  metrics?(): Promise<unknown>;
}

/** The beginning of the two variables that name an address to listen on. */
export type ListenPrefix = "HTTP" | "RPC" | "METRICS";

/** A tier may take this much longer than its grace to close. Then the process exits anyway. */
const MAX_LATE_MS = 1000;

/** Why an address cannot be used, and which variable to set. */
function listenFault(prefix: ListenPrefix, cause: unknown): string {
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
  prefix: ListenPrefix,
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

/** What a tier says of itself, from before its start to its end. */
export class TierStatus {
  /** Undefined while it starts. */
  tier: RunningTier | undefined;
  isDraining = false;
  /** It takes no more work. */
  isClosing = false;

  /** Why the tier is not ready; empty if it is. */
  async readiness(): Promise<readonly string[]> {
    if (this.isDraining) return ["draining"];
    if (!this.tier) return ["starting"];
    return (await this.tier.readiness?.()) ?? [];
  }

  /** Undefined while the tier starts. */
  async metrics(): Promise<unknown> {
    return this.tier?.metrics?.();
  }
}

/**
 * Let a tier take over the settings that can change while it runs.
 * @param given the environment, if the parent gives one; else the tier reads its own again
 * @returns the variables that have changed and need a restart
 * @throws {Error} the settings are wrong: nothing has changed
 */
export type Reload<Tier> = (tier: Tier, given?: Environment) => readonly string[];

type Environment = Readonly<Record<string, string | undefined>>;

export interface TierOptions<Tier> {
  /**
   * How long a tier that a signal ends still takes work, although it is not ready. Default 0. If
   * its parent or runner is gone, it does not wait: its port may be needed for the next one.
   */
  readonly drainDelayMs?: number;
  /** Begin to answer the operator. Called before the start. */
  readonly serveOperator?: (status: TierStatus) => void;
  /** Called after the start, even if it was asked for before. */
  readonly reload?: Reload<Tier>;
  readonly systemd?: Systemd;
}

/**
 * Start a tier, report its address to the log and the parent process, and close the tier when the
 * process must end.
 */
export async function runTier<Tier extends RunningTier>(
  log: ProcessLog,
  start: () => Promise<Tier>,
  { drainDelayMs = 0, serveOperator, reload, systemd }: TierOptions<Tier> = {},
): Promise<void> {
  const status = new TierStatus();
  const started = Promise.withResolvers<Tier>();
  const orders = new DrainOrders();
  speakThrough(log);
  onEnd(async (reason) => {
    if (isSignal(reason)) await orders.afterSignal();
    const { tier } = status;
    status.isDraining = true;
    systemd?.stopping();
    tier?.retire?.();
    if (tier && drainDelayMs > 0 && isSignal(reason)) {
      log.info({ reason, drainDelayMs }, "not ready any more");
      await Promise.race([Bun.sleep(drainDelayMs), orders.now]);
    }
    status.isClosing = true;
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
  const renew = async (given?: Environment): Promise<readonly string[]> => {
    const tier = await started.promise;
    if (status.isClosing) throw new Error("the tier is closing");
    return reload?.(tier, given) ?? [];
  };
  sendBeats();
  answerQuestions({
    readiness: () => status.readiness(),
    metrics: () => status.metrics(),
    reload: (environment) => renew(isEnvironment(environment) ? environment : undefined),
  });
  if (reload) onReload(log, () => systemd?.during(renew) ?? renew());
  void systemd?.ready(() => status.readiness());

  let tier: Tier;
  try {
    serveOperator?.(status);
    tier = await start();
  } catch (error) {
    log.error({ err: error }, "cannot start");
    await log.end();
    process.exit(1);
  }
  status.tier = tier;
  started.resolve(tier);
  const { address, shed } = tier;
  watchDescriptors(log, shed);
  log.info({ address, pid: process.pid }, "listening");
  // Report after the log line, which is written at the end of this turn of the event loop.
  setImmediate(() => process.send?.({ listening: address }));
}

function isEnvironment(about: unknown): about is Record<string, string> {
  return typeof about === "object" && about !== null;
}
