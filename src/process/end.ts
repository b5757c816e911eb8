import { format } from "node:util";
import type { ProcessLog } from "../telemetry/log.ts";
import { watchRunners } from "./runners.ts";

/**
 * Call `end` once, when this process is to end: on SIGTERM or SIGINT, and when its parent is gone.
 * A process group and its parent may both pass a signal on; later reasons change nothing.
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
  // With a channel, the parent is one of ours and started this process for its own sake.
  process.on("disconnect", () => once("parent is gone"));
  if (!process.send) watchRunners(() => once("runner is gone"));
  else if (!process.connected) once("parent is gone");
}

/**
 * Let all that this process says go to its log, what packages print included: stderr may have a
 * reader that stands still, too. An error that nothing caught is logged and ends the process.
 */
export function speakThrough(log: ProcessLog): void {
  for (const name of ["log", "info", "warn", "error"] as const) {
    console[name] = (...words: unknown[]) => log.warn({ by: `console.${name}` }, format(...words));
  }
  const fail = async (err: unknown): Promise<void> => {
    log.error({ err }, "ended by an error that nothing caught");
    await log.end();
    process.exit(1);
  };
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
}
