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

/** What a process has in memory. */
export function residentBytes(pid: number): number {
  const [, resident] = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ");
  return Number(resident) * PAGE_BYTES;
}
