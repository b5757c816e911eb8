import { readFileSync } from "node:fs";

/** Scripts of package.json that must end with their runner. */
const SCRIPTS = /^(dev|start(:\w+)?)$/;

const CHECK_MS = 500;

/**
 * Call `onGone` once if a runner that started this process (`bun run`, `npm run`, or npx around
 * them) has died without forwarding a signal. A process that was started in another way has no
 * runner, and keeps running if its parent ends.
 */
export function watchRunners(onGone: () => void): void {
  const line = runners();
  if (line.length === 0) return;
  const timer = setInterval(() => {
    if (isWhole(line)) return;
    clearInterval(timer);
    onGone();
  }, CHECK_MS);
  timer.unref();
}

/** The ids from this process up to the topmost runner; empty if there is no runner. */
function runners(): number[] {
  const line = [process.pid];
  const script = runBy(process.pid);
  if (!script || !SCRIPTS.test(script.event)) return [];
  climb(line, script);
  const outer = runBy(line.at(-1) ?? 0);
  // npx runs `bun run`, and forwards no signal.
  if (outer?.command === "exec") climb(line, outer);
  return line;
}

interface Run {
  readonly event: string;
  readonly command: string;
}

/**
 * Add the parents up to the one that started `run`. The processes in between inherit its variables.
 */
function climb(line: number[], run: Run): void {
  for (;;) {
    const parent = parentOf(line.at(-1) ?? 0);
    if (parent === undefined || parent === 0) return;
    line.push(parent);
    const its = runBy(parent);
    if (its?.event !== run.event || its.command !== run.command) return;
  }
}

/** Whether each process is still the parent of the one before it. */
function isWhole(line: readonly number[]): boolean {
  return line.every((pid, index) => {
    const parent = line[index + 1];
    return parent === undefined || parentOf(pid) === parent;
  });
}

/** The variables that a runner sets for a process that it starts. */
function runBy(pid: number): Run | undefined {
  const variables = read(pid, "environ")?.split("\0") ?? [];
  const value = (name: string) =>
    variables.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
  const event = value("npm_lifecycle_event");
  return event === "" ? undefined : { event, command: value("npm_command") };
}

function parentOf(pid: number): number | undefined {
  if (pid === process.pid) return process.ppid;
  // The parent's id is the second field after the name, which may hold any characters.
  const [, parent] = /^.*\) \S (\d+)/s.exec(read(pid, "stat") ?? "") ?? [];
  return parent === undefined ? undefined : Number(parent);
}

/** Undefined if the process has ended or belongs to another user, or if there is no /proc. */
function read(pid: number, file: "environ" | "stat"): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return undefined;
  }
}
