// A copy of the project, or of a part of it, for a test to change.
import { cp, symlink } from "node:fs/promises";
import { join } from "node:path";
import { Folder, ROOT } from "./child.ts";

export interface Ended {
  readonly code: number;
  /** Its output: stdout, then stderr. */
  readonly output: string;
}

/** Where the type checker keeps what it found, so that it checks only what has changed since. */
const BUILD_INFO = ".tsbuildinfo";
let lastBuildInfo = "";

export class Copy implements AsyncDisposable {
  readonly #folder: Folder;

  constructor(folder: Folder) {
    this.#folder = folder;
  }

  static async of(paths: readonly string[]): Promise<Copy> {
    return new Copy(await Copy.folderOf(paths));
  }

  /** Copy these files and folders of `root`, except what is left out, and link the packages. */
  static async folderOf(
    paths: readonly string[],
    { root = ROOT, leaveOut }: { readonly root?: string; readonly leaveOut?: RegExp } = {},
  ): Promise<Folder> {
    const folder = await Folder.make();
    for (const path of paths) {
      await cp(join(root, path), join(folder.path, path), {
        recursive: true,
        filter: (name) => leaveOut?.test(name) !== true,
      });
    }
    await symlink(join(ROOT, "node_modules"), join(folder.path, "node_modules"));
    return folder;
  }

  get root(): string {
    return this.#folder.path;
  }

  path(name: string): string {
    return join(this.root, name);
  }

  text(name: string): Promise<string> {
    return Bun.file(this.path(name)).text();
  }

  /** Run one of its scripts with Bun. */
  async run(...command: string[]): Promise<Ended> {
    const child = Bun.spawn([process.execPath, ...command], {
      cwd: this.root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const texts = [child.stdout, child.stderr].map((stream) => new Response(stream).text());
    const [code, ...output] = await Promise.all([child.exited, ...texts]);
    return { code, output: output.join("") };
  }

  codegen(...args: string[]): Promise<Ended> {
    return this.run("codegen/main.ts", ...args);
  }

  /** Run its formatter and linter. */
  biome(...args: string[]): Promise<Ended> {
    const script = "node_modules/@biomejs/biome/bin/biome";
    return this.run(script, "check", "--vcs-enabled=false", ...args);
  }

  /** Run the type checker. It begins with what it found in the copy before, by hashes of files. */
  async compile(): Promise<Ended> {
    const buildInfo = Bun.file(this.path(BUILD_INFO));
    if (lastBuildInfo !== "" && !(await buildInfo.exists())) await buildInfo.write(lastBuildInfo);
    const options = ["--incremental", "--tsBuildInfoFile", BUILD_INFO];
    const ended = await this.run("node_modules/typescript/bin/tsc", "-p", ".", ...options);
    lastBuildInfo = await buildInfo.text();
    return ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }
}
