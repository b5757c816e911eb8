import { readFileSync } from "node:fs";

/** USER_HZ: Linux reports CPU time in these units on every machine since 2.4. */
export const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

/** CPU time of a process since its start: user and system time of all its threads. */
export function cpuSeconds(pid: number): number {
  // The second field is the program's name in brackets, which may contain spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  const [user, system] = [fields[11], fields[12]];
  return (Number(user) + Number(system)) / TICKS_PER_SECOND;
}

/** Time of all cores together, in ticks. */
export interface CoreTime {
  /** Steal time: the host ran other machines although this one had work. */
  readonly stolen: number;
  readonly idle: number;
  readonly all: number;
}

/** The time of all cores since the machine started. */
export function coreTime(): CoreTime {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  // The columns after the eighth are the time of guests, which the first two already include.
  const [, ...ticks] = line.split(/ +/).slice(0, 9).map(Number);
  const [, , , idle = 0, waiting = 0] = ticks;
  const all = ticks.reduce((sum, each) => sum + each, 0);
  return { stolen: ticks.at(-1) ?? 0, idle: idle + waiting, all };
}

/** The part of the time of all cores between two moments that the host gave to others. */
export function stolenShare(before: CoreTime, after: CoreTime): number {
  return (after.stolen - before.stolen) / Math.max(1, after.all - before.all);
}

export function residentBytes(pid: number): number {
  const [, resident] = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ");
  return Number(resident) * PAGE_BYTES;
}
