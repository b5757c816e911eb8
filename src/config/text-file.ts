import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

// Files that hold the value of a variable, or all settings. No message repeats their content.

export interface TextFile {
  readonly text: string;
  /** Whether every user of the machine can read it. */
  readonly isPublic: boolean;
}

/** @throws an error whose message continues after the name of the file */
export function readTextFile(path: string, maxBytes: number): TextFile {
  let file: number | undefined;
  try {
    // Without O_NONBLOCK, a pipe that no process writes to would block the start for ever.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const { mode } = fstatSync(file);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) {
      throw new Unfit(
        (mode & constants.S_IFMT) === constants.S_IFDIR ? "is a folder" : "is no file",
      );
    }
    const bytes = Buffer.alloc(maxBytes + 1);
    const length = readWhole(file, bytes);
    if (length > maxBytes) throw new Unfit(`has more than ${maxBytes / 1024} KiB`);
    const text = decode(bytes.subarray(0, length));
    if (text === undefined || text.includes("\0")) throw new Unfit("is not a text in UTF-8");
    return { text, isPublic: (mode & constants.S_IROTH) !== 0 };
  } catch (error) {
    if (error instanceof Unfit) throw error;
    const why = error instanceof Error && "code" in error ? error.code : error;
    throw new Unfit(why === "ENOENT" ? "does not exist" : `cannot be read: ${why}`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

class Unfit extends Error {}

function readWhole(file: number, bytes: Buffer): number {
  let length = 0;
  for (;;) {
    const read = readSync(file, bytes, length, bytes.length - length, null);
    length += read;
    if (read === 0) return length;
  }
}

function decode(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
