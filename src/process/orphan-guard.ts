/**
 * A shell process that kills a child if the child still runs `graceMs` after this process has
 * ended. A child that hangs or is stopped would not notice the end of its parent. The guard notices
 * it, because its stdin ends.
 */
export class Guard {
  readonly #process: Bun.Subprocess<"pipe", "ignore", "ignore">;

  private constructor(pid: number, graceMs: number) {
    const args = [`${pid}`, `${graceMs / 1000}`];
    this.#process = Bun.spawn(["/bin/sh", "-c", SCRIPT, "sh", ...args], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    this.#process.unref();
  }

  /** Undefined on a system without a shell. */
  static of(pid: number, graceMs: number): Guard | undefined {
    try {
      return new Guard(pid, graceMs);
    } catch {
      return undefined;
    }
  }

  /** End the guard, because the child has ended and the system may reuse its id. */
  dismiss(): void {
    this.#process.stdin.write("\n");
    this.#process.stdin.end();
  }
}

const SCRIPT = `trap "" INT TERM HUP
  read -r _ && exit
  seconds=$2
  while kill -0 "$1" 2> /dev/null; do
    [ "$seconds" -gt 0 ] || { kill -9 "$1"; exit; }
    seconds=$((seconds - 1))
    sleep 1
  done`;
