import { dlopen } from "bun:ffi";

const RLIMIT_DATA = 2;
/**
 * The limit of the data segment of a process: memory that is used or only reserved. Bun takes about
 * 200 MiB, and the largest pictures need 900 (docs/pictures.md).
 */
const MAX_DATA_BYTES = 1280n * 1024n * 1024n;

/** Limit the memory of this process. Does nothing on systems other than Linux. */
export function limitMemory(): void {
  if (process.platform !== "linux") return;
  const { setrlimit } = dlopen("libc.so.6", {
    setrlimit: { args: ["i32", "ptr"], returns: "i32" },
  }).symbols;
  setrlimit(RLIMIT_DATA, BigUint64Array.of(MAX_DATA_BYTES, MAX_DATA_BYTES));
}
