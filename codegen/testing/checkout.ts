import { readdir } from "node:fs/promises";
import { Copy } from "../../test/copy.ts";

const COPIED = [
  ...[
    "schema",
    "codegen",
    "public",
    "src/gen",
    "src/rpc/method.ts",
    "src/rpc/error.ts",
    "src/rpc/phases.ts",
  ],
  ...["biome.json", "package.json", "tsconfig.json"],
];

/** The copy leaves these out: they import files that are not copied. */
const TESTS = /\.test\.ts$|codegen\/testing/;

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

/** A copy of the files that codegen reads and writes, for a test to change. */
export class Checkout extends Copy {
  /** @param of another checkout; without it, ours */
  static async copy(of?: Checkout): Promise<Checkout> {
    const root = of ? { root: of.root } : {};
    return new Checkout(await Copy.folderOf(COPIED, { ...root, leaveOut: TESTS }));
  }

  /** A copy in which Words is published. */
  static async withWords(): Promise<Checkout> {
    const checkout = await Checkout.copy();
    await Bun.write(checkout.path("schema/words.ts"), WORDS);
    const { code, output } = await checkout.codegen();
    if (code !== 0) throw new Error(`Cannot publish Words: ${output}`);
    return checkout;
  }

  /** Replace a part of a file, once. */
  async edit(name: string, part: string, instead: string): Promise<void> {
    const text = await this.text(name);
    if (!text.includes(part)) throw new Error(`Cannot edit ${name}: it lacks ${part}`);
    await Bun.write(this.path(name), text.replace(part, instead));
  }

  /** The files of src/gen: name → text. */
  async emitted(): Promise<Record<string, string>> {
    const texts: Record<string, string> = {};
    for (const name of (await readdir(this.path("src/gen"))).sort()) {
      texts[name] = await this.text(`src/gen/${name}`);
    }
    return texts;
  }
}
