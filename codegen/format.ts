import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const BIOME = join(ROOT, "node_modules/@biomejs/biome/bin/biome");

/**
 * Format emitted texts as the gate demands: break lines and sort imports. All texts are formatted
 * in one run, since Biome takes longer to start than to format.
 * @param drafts path, relative to the root, → text; the extension of the path is its language
 * @throws {Error} a text has a syntax error
 */
export async function format(drafts: ReadonlyMap<string, string>): Promise<Map<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), "portico-emitted-"));
  try {
    await Promise.all(Array.from(drafts, ([path, text]) => Bun.write(join(folder, path), text)));
    await formatFolder(folder);
    const texts = Array.from(drafts.keys(), async (path) => {
      return [path, await Bun.file(join(folder, path)).text()] as const;
    });
    return new Map(await Promise.all(texts));
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function formatFolder(folder: string): Promise<void> {
  const options = ["--write", "--linter-enabled=false", "--vcs-enabled=false"];
  const biome = Bun.spawn(
    [process.execPath, BIOME, "check", ...options, `--config-path=${ROOT}`, folder],
    { cwd: ROOT, stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  );
  const [complaint, code] = await Promise.all([new Response(biome.stderr).text(), biome.exited]);
  if (code !== 0) throw new Error(`Cannot format emitted code: ${complaint}`);
}
