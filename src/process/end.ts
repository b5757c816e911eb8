import { format } from "node:util";
import type { ProcessLog } from "../telemetry/log.ts";
import { watchRunners } from "./runners.ts";

/** Exit codes of a command that a signal stopped, as in a shell: 128 and the signal's number. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** The reason of an aborted `stopSignal()`. */
export class Stopped extends Error {
  override readonly name = "Stopped";
  readonly exitCode: number;

  constructor(signal: keyof typeof EXIT_CODES) {
    super(`stopped by ${signal}`);
    this.exitCode = EXIT_CODES[signal];
  }
}

/**
 * For a command: the first SIGINT or SIGTERM aborts this with `Stopped`. Later signals change
 * nothing: the terminal and the parent may both send one.
 * @param graceMs if given, the process exits this long after the signal
 */
export function stopSignal(graceMs?: number): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      controller.abort(new Stopped(signal));
      if (graceMs !== undefined) {
        setTimeout(() => process.exit(EXIT_CODES[signal]), graceMs).unref();
      }
    });
  }
  return controller.signal;
}

/**
 * For a tier: call `end` once, when this process must end: on SIGTERM or SIGINT, or if its parent
 * is gone. Later reasons change nothing.
 */
export function onEnd(end: (reason: string) => void): void {
  let isEnding = false;
  const once = (reason: string): void => {
    if (isEnding) return;
    isEnding = true;
    end(reason);
  };
  process.on("SIGTERM", once);
  process.on("SIGINT", once);
  // If there is a channel, the parent is `start` or `dev`, and this process must not outlive it.
  process.on("disconnect", () => once("parent is gone"));
  if (!process.send) watchRunners(() => once("runner is gone"));
  else if (!process.connected) once("parent is gone");
}

/** Whether a reason of `onEnd()` is a signal. */
export function isSignal(reason: string): boolean {
  return reason in EXIT_CODES;
}

/**
 * Send console output to the log, including that of packages: a write to stderr blocks if its
 * reader has stopped. An uncaught error is logged and ends the process.
 */
export function speakThrough(log: ProcessLog): void {
  for (const name of ["log", "info", "warn", "error"] as const) {
    console[name] = (...words: unknown[]) => log.warn({ by: `console.${name}` }, format(...words));
  }
  const fail = async (err: unknown): Promise<void> => {
    log.error({ err }, "uncaught error");
    await log.end();
    process.exit(1);
  };
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
}
