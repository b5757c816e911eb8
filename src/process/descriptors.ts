import { closeSync, openSync, readFileSync } from "node:fs";
import type { Log } from "../rpc/log.ts";

const CHECK_MS = 250;
/** The warning is repeated this often while few descriptors are left. */
const REMINDER_MS = 30_000;
/** Descriptors are few if at most this many are left, or at most a tenth of the limit. */
const FEW = 32;

/**
 * Watch how many file descriptors this process has left. If there is none, Bun cannot accept a
 * connection and keeps trying, which takes a whole core. Does nothing on systems without /proc.
 * @param shed closes idle connections; called repeatedly while few descriptors are left
 */
export function watchDescriptors(log: Log, shed: (() => void) | undefined): void {
  const limit = softLimit();
  if (limit === undefined) return;
  const few = Math.max(FEW, Math.floor(limit / 10));
  let warnedAtMs = Number.NEGATIVE_INFINITY;
  const check = (): void => {
    const inUse = lowestFree() ?? limit;
    if (inUse < limit - few) return;
    shed?.();
    if (performance.now() - warnedAtMs < REMINDER_MS) return;
    warnedAtMs = performance.now();
    const remedy = shed ? "closing connections that are idle" : "raise the limit of ulimit -n";
    log.warn({ inUse, limit }, `few file descriptors are left: ${remedy}`);
  };
  setInterval(check, CHECK_MS).unref();
}

/** The limit of `ulimit -n`. Bun raises the limit to the hard one at its start. */
function softLimit(): number | undefined {
  try {
    const [, limit] =
      /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return limit === undefined ? undefined : Number(limit);
  } catch {
    return undefined;
  }
}

/** The lowest free descriptor: all below this one are in use. Undefined if none is free. */
function lowestFree(): number | undefined {
  try {
    const descriptor = openSync("/dev/null", "r");
    closeSync(descriptor);
    return descriptor;
  } catch {
    return undefined;
  }
}
