import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const BIOME = join(ROOT, "node_modules/@biomejs/biome/bin/biome");

/**
 * Emitted text as the gate wants it, lines broken and imports sorted, so that the emitters need
 * not know how.
 * @param path relative to the root; its ending says which language it is
 * @throws {Error} the text is not of that language
 */
export async function format(path: string, text: string): Promise<string> {
  const options = ["--write", "--linter-enabled=false", "--vcs-enabled=false"];
  const biome = Bun.spawn(
    [process.execPath, BIOME, "check", ...options, `--stdin-file-path=${path}`],
    { cwd: ROOT, stdin: new Blob([text]), stdout: "pipe", stderr: "pipe" },
  );
  const [formatted, complaint, code] = await Promise.all([
    new Response(biome.stdout).text(),
    new Response(biome.stderr).text(),
    biome.exited,
  ]);
  if (code !== 0) throw new Error(`Cannot format ${path}: ${complaint}`);
  return formatted;
}
