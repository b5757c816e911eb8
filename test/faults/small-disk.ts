import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** A folder on a small disk of its own, which only one process and its children see. */
export class SmallDisk {
  /** The command prefix that mounts the disk for the command behind it. */
  readonly wrapper: readonly string[];
  readonly #folder: string;

  /** @param folder the mount point; it must exist */
  constructor(folder: string, megabytes: number) {
    this.#folder = folder;
    // A mount in a namespace of its own needs no privileges and ends with the process.
    const mount = `mount -t tmpfs -o size=${megabytes}m portico "$0" && exec "$@"`;
    this.wrapper = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, folder];
  }

  /** Whether this system allows such a mount. */
  static isAvailable(folder: string): boolean {
    const [command = "", ...args] = new SmallDisk(folder, 1).wrapper;
    const path = Bun.which(command);
    return path !== null && Bun.spawnSync([path, ...args, "true"]).success;
  }

  /** Fill the disk. @param pid of the process that sees it */
  async fill(pid: number): Promise<void> {
    const filler = Bun.spawn(["dd", "if=/dev/zero", `of=${this.#filler(pid)}`, "bs=4k"], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    await filler.exited;
  }

  async free(pid: number): Promise<void> {
    await Bun.file(this.#filler(pid)).delete();
  }

  /** The names in a folder on the disk. */
  list(pid: number, folder: string): Promise<string[]> {
    return readdir(join(this.#seenBy(pid), folder));
  }

  /** The text of a file on the disk. */
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
