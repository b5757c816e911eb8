import { readFileSync } from "node:fs";

/** What Linux counts CPU time in, on every machine since 2.4: USER_HZ. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

/** CPU time of a process from its start, its threads' included, in its own code and the kernel's. */
export function cpuSeconds(pid: number): number {
  // The second field is the program's name, which may hold anything: what follows is after its ")".
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  const [user, system] = [fields[11], fields[12]];
  return (Number(user) + Number(system)) / TICKS_PER_SECOND;
}

/** Of a machine's cores, in ticks. */
export interface CoreTime {
  /** What its host gave to other machines, where this one would have run. */
  readonly stolen: number;
  readonly all: number;
}

/** The time of all cores from the start of the machine. */
export function coreTime(): CoreTime {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n");
  // What guests take is in the first two already.
  const [, ...ticks] = line.split(/ +/).slice(0, 9).map(Number);
  return { stolen: ticks.at(-1) ?? 0, all: ticks.reduce((sum, each) => sum + each, 0) };
}

/** Which part of the cores' time between two moments the host gave to others. */
export function stolenShare(before: CoreTime, after: CoreTime): number {
  return (after.stolen - before.stolen) / Math.max(1, after.all - before.all);
}

/** What a process has in memory. */
export function residentBytes(pid: number): number {
  const [, resident] = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ");
  return Number(resident) * PAGE_BYTES;
}
