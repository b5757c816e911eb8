/**
 * Kills a process some time after this one is gone, where it is still there: one that spins or is
 * stopped hears of nothing. The guard waits for the end of its standard input.
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

  /** None on a system without a shell. */
  static of(pid: number, graceMs: number): Guard | undefined {
    try {
      return new Guard(pid, graceMs);
    } catch {
      return undefined;
    }
  }

  /** Its process has ended, and the id may soon be another's. */
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
