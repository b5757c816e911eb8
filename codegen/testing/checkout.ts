import { cp, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const COPIED = [
  ...["schema", "codegen", "src/gen", "src/rpc/call.ts", "src/rpc/error.ts"],
  ...["biome.json", "package.json", "tsconfig.json"],
];

/** Method 1001 is Words.count, 1002 Words.split. */
const WORDS = `
import { Type } from "@sinclair/typebox";
import { contract } from "./contract.ts";

export const Text = Type.Object({ text: Type.String({ maxLength: 20 }) });
export const Count = Type.Object({ count: Type.Integer() });
export const List = Type.Object({ words: Type.Array(Type.String()) });

export const WordsContract = contract("Words", {
  count: { number: 1001, summary: "Count them.", request: Text, reply: Count, errors: [] },
  split: { number: 1002, summary: "List them.", request: Text, reply: List, errors: [] },
});
`;

/** A copy of what codegen reads and writes, for a test to spoil. */
export class Checkout implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param of another checkout; without it, ours */
  static async copy(of?: Checkout): Promise<Checkout> {
    const folder = await mkdtemp(join(tmpdir(), "portico-codegen-"));
    for (const path of COPIED) {
      await cp(join(of ? of.#folder : ROOT, path), join(folder, path), {
        recursive: true,
        filter: (name) => !name.endsWith(".test.ts"), // They import what is not copied.
      });
    }
    await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
    return new Checkout(folder);
  }

  /** One that has published a contract of its own, for a test to change. */
  static async withWords(): Promise<Checkout> {
    const checkout = await Checkout.copy();
    await Bun.write(checkout.path("schema/words.ts"), WORDS);
    const { code, output } = await checkout.codegen();
    if (code !== 0) throw new Error(`Cannot publish Words: ${output}`);
    return checkout;
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  text(name: string): Promise<string> {
    return Bun.file(this.path(name)).text();
  }

  async codegen(...args: string[]): Promise<{ code: number; output: string }> {
    return this.run(this.path("codegen/main.ts"), ...args);
  }

  async run(...args: string[]): Promise<{ code: number; output: string }> {
    const child = Bun.spawn([process.execPath, ...args], {
      cwd: this.#folder,
      stdout: "pipe",
      stderr: "pipe",
    });
    const texts = [child.stdout, child.stderr].map((stream) => new Response(stream).text());
    const [code, ...output] = await Promise.all([child.exited, ...texts]);
    return { code, output: output.join("") };
  }

  /** Replace a part of a file, once. */
  async edit(name: string, part: string, instead: string): Promise<void> {
    const text = await this.text(name);
    if (!text.includes(part)) throw new Error(`Cannot edit ${name}: it lacks ${part}`);
    await Bun.write(this.path(name), text.replace(part, instead));
  }

  /** Name → text of what is in src/gen. */
  async emitted(): Promise<Record<string, string>> {
    const texts: Record<string, string> = {};
    for (const name of (await readdir(this.path("src/gen"))).sort()) {
      texts[name] = await this.text(`src/gen/${name}`);
    }
    return texts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true });
  }
}
