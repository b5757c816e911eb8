import { chmod, copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { ROOT } from "./child.ts";

export const EXECUTABLE = join(ROOT, "dist/portico");

/** Whether this machine can make a chroot. */
export const canChroot =
  process.platform === "linux" && process.getuid?.() === 0 && Bun.which("dpkg") !== null;

async function run(...command: string[]): Promise<string> {
  const child = Bun.spawn(command, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return stdout;
}

/** `bun run build`. */
export const build = () => run(process.execPath, "run", "build");

/**
 * A folder to chroot into that has the executable, the files of the C library, /proc, /dev/null and
 * the folder of temporary files, where the tests keep their data. It has no shell and no Bun.
 */
export class EmptyRoot implements AsyncDisposable {
  readonly path: string;
  /** Runs the executable. */
  readonly command: readonly string[];

  private constructor(path: string) {
    this.path = path;
    this.command = ["chroot", path, "/portico"];
  }

  static async create(): Promise<EmptyRoot> {
    const path = await mkdtemp("/var/tmp/portico-root-");
    await chmod(path, 0o755);
    for (const file of (await run("dpkg", "-L", "libc6")).split("\n")) {
      if (/^\/(usr\/)?lib.*\/(ld-|lib)[^/]*\.so(\.\d+)?$/.test(file)) await put(file, path);
    }
    await put("/lib64/ld-linux-x86-64.so.2", path);
    await copyFile(EXECUTABLE, join(path, "portico"));
    for (const folder of ["proc", "dev", tmpdir()]) {
      await mkdir(join(path, folder), { recursive: true });
    }
    await run("mknod", "-m", "666", join(path, "dev/null"), "c", "1", "3");
    await run("mount", "--bind", "/proc", join(path, "proc"));
    await run("mount", "--bind", tmpdir(), join(path, tmpdir()));
    return new EmptyRoot(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("umount", join(this.path, "proc"));
    await run("umount", join(this.path, tmpdir()));
    await rm(this.path, { recursive: true, force: true });
  }
}

async function put(file: string, root: string): Promise<void> {
  const target = join(root, file);
  await mkdir(dirname(target), { recursive: true });
  if (basename(file) !== "" && (await Bun.file(file).exists())) await copyFile(file, target);
}
