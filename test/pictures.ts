// The processes that decode, for tests without the tier that starts them.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DecoderPool, type DecoderPoolLimits } from "../src/http/avatar/decoder-pool.ts";
import { ROOT } from "./child.ts";

const COMMAND = [process.execPath, "--no-env-file", join(ROOT, "src/picture-main.ts")];

/** They start on demand; `close` ends them. */
export function startDecoders(
  limits: Partial<DecoderPoolLimits> = {},
  command = COMMAND,
): DecoderPool {
  // Other tests share the machine, so the limits are generous.
  return new DecoderPool(command, { processes: 2, waitMs: 60_000, decodeMs: 60_000, ...limits });
}

/** The decoding child processes of a process. Linux only. */
export function decodersOf(parent: number): number[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => isDecoderOf(parent, pid)).map(Number);
}

function isDecoderOf(parent: number, pid: string): boolean {
  try {
    const isOurs = readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("picture-main.ts");
    return isOurs && statOf(pid)[1] === `${parent}`;
  } catch {
    return false; // It has just ended.
  }
}

/** The CPU time of a process, in hundredths of a second. */
export function cpuTicksOf(pid: number): number {
  const [user, system] = statOf(`${pid}`).slice(11, 13);
  return Number(user) + Number(system);
}

/** Whether a process with this pid is running. */
export function isRunning(pid: number): boolean {
  try {
    return statOf(`${pid}`)[0] !== "Z"; // Its parent may not have heard of its end yet.
  } catch {
    return false;
  }
}

/** The fields of /proc/PID/stat after the name: the state, the parent, … */
function statOf(pid: string): string[] {
  const line = readFileSync(`/proc/${pid}/stat`, "latin1");
  return line.slice(line.lastIndexOf(") ") + 2).split(" ");
}
