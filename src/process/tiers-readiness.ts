import type { Question } from "./questions.ts";

/** A process of a tier, as its parent sees it. */
export interface AskedProcess {
  /** Undefined before its start. */
  readonly pid: number | undefined;
  ask(question: Question): Promise<unknown>;
}

/** The processes of each tier, by the name of the tier. */
export type AskedTiers = Readonly<Record<"tcp" | "http", readonly AskedProcess[]>>;

/** Why the tiers are not ready; empty if each has a process that is. Answers in about a second. */
export async function tiersReadiness(tiers: AskedTiers): Promise<readonly string[]> {
  const reasons = await Promise.all(
    Object.entries(tiers).map(async ([name, processes]) => {
      try {
        // The first process that is ready decides: another may hang.
        await Promise.any(processes.map((process) => throwIfNotReady(name, process)));
        return [];
      } catch (error) {
        if (!(error instanceof AggregateError)) throw error;
        const errors: readonly unknown[] = error.errors;
        if (errors.length === 0) return [`${name}: not running`];
        return errors.map((each) => (each instanceof Error ? each.message : String(each)));
      }
    }),
  );
  return reasons.flat();
}

/** @throws {Error} why the process is not ready */
async function throwIfNotReady(name: string, process: AskedProcess): Promise<void> {
  const reasons = await process.ask("readiness").catch((error: Error) => [error.message]);
  if (Array.isArray(reasons) && reasons.length === 0) return;
  const which = process.pid === undefined ? name : `${name}, process ${process.pid}`;
  throw new Error(`${which}: ${[reasons].flat().join("; ")}`);
}
