import { dlopen as openLibrary } from "bun:ffi";
import { readFileSync, writeSync } from "node:fs";

// Native parts inside of the executable. `bun run build` puts calls of this file in place of the
// loaders of the packages.

const RTLD_NOW_GLOBAL = 0x102;
const MFD_CLOEXEC = 1;

/** A library that a part is linked with. */
interface Library {
  /** The name by which the system knows it; undefined if it is never the system's. */
  readonly name?: string;
  /** Its file inside of the executable. */
  readonly file: string;
}

/**
 * Load a native part of a package. It is loaded from memory: the system of the executable may have
 * no folder that is both writable and executable. It needs /proc.
 * @param libraries those that the part needs, in their order; the system's own ones come first
 */
export function loadNativePart(file: string, libraries: readonly Library[]): unknown {
  const { dlopen } = openLibrary("libdl.so.2", {
    dlopen: { args: ["ptr", "i32"], returns: "ptr" },
  }).symbols;
  const open = (path: string) => dlopen(Buffer.from(`${path}\0`), RTLD_NOW_GLOBAL) !== null;
  for (const library of libraries) {
    if (library.name !== undefined && open(library.name)) continue;
    if (!open(inMemory(library.file))) throw new Error(`Cannot load ${library.file}`);
  }
  const part: { exports: unknown } = { exports: {} };
  process.dlopen(part, inMemory(file));
  return part.exports;
}

/** Copy a file into memory, and return a path by which this process can load it. */
function inMemory(file: string): string {
  const { memfd_create: create } = openLibrary("libc.so.6", {
    memfd_create: { args: ["ptr", "u32"], returns: "i32" },
  }).symbols;
  const descriptor = create(Buffer.from("portico\0"), MFD_CLOEXEC);
  if (descriptor < 0) throw new Error(`Cannot load ${file}: memfd_create failed`);
  const bytes = readFileSync(file);
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
  return `/proc/self/fd/${descriptor}`;
}
