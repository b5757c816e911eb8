import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The list of a backup's files, as `sha256sum --check` reads it. */
export const CHECKSUMS = "SHA256SUMS";

const LINE = /^([\da-f]{64}) {2}([\w.-]+(?:\/[\w.-]+)?)$/;

/** Path in the backup → SHA-256 in hex. */
export type Checksums = ReadonlyMap<string, string>;

export async function checksumOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest("hex");
}

/**
 * Write the list.
 * @param paths of the files, relative to `folder`
 */
export async function writeChecksums(
  list: string,
  folder: string,
  paths: readonly string[],
): Promise<void> {
  const lines: string[] = [];
  for (const path of paths) lines.push(`${await checksumOf(join(folder, path))}  ${path}\n`);
  await writeFile(list, lines.join(""), { mode: 0o600 });
}

/** @returns undefined if the backup has no list, as those of older versions */
export async function readChecksums(folder: string): Promise<Checksums | undefined> {
  const text = await readFile(join(folder, CHECKSUMS), "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  return new Map(
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line): [string, string] => {
        const [, sum, path] = LINE.exec(line) ?? [];
        if (sum === undefined || path === undefined) throw new Error(`${CHECKSUMS} is damaged`);
        return [path, sum];
      }),
  );
}
