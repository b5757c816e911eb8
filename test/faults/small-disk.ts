import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** A folder that only one process and its children see, on a disk of its own, soon full. */
export class SmallDisk {
  /** What runs a command so that it finds the disk there. */
  readonly wrapper: readonly string[];
  readonly #folder: string;

  /** @param folder where the disk is mounted; it must exist */
  constructor(folder: string, megabytes: number) {
    this.#folder = folder;
    // A mount in a name space of its own needs no rights and is gone with the process.
    const mount = `mount -t tmpfs -o size=${megabytes}m portico "$0" && exec "$@"`;
    this.wrapper = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, folder];
  }

  /** Whether this system lets a process have such a disk. */
  static isAvailable(folder: string): boolean {
    const [command = "", ...args] = new SmallDisk(folder, 1).wrapper;
    const path = Bun.which(command);
    return path !== null && Bun.spawnSync([path, ...args, "true"]).success;
  }

  /** Leave not a byte. @param pid of the process that sees the disk */
  async fill(pid: number): Promise<void> {
    const filler = Bun.spawn(["dd", "if=/dev/zero", `of=${this.#filler(pid)}`, "bs=4k"], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    await filler.exited;
  }

  async free(pid: number): Promise<void> {
    await Bun.file(this.#filler(pid)).delete();
  }

  /** The names in one of its folders. */
  list(pid: number, folder: string): Promise<string[]> {
    return readdir(join(this.#seenBy(pid), folder));
  }

  /** The text of one of its files. */
  read(pid: number, file: string): Promise<string> {
    return Bun.file(join(this.#seenBy(pid), file)).text();
  }

  #filler(pid: number): string {
    return join(this.#seenBy(pid), "filler");
  }

  #seenBy(pid: number): string {
    return join(`/proc/${pid}/root`, this.#folder);
  }
}
