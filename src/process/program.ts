import { basename, join } from "node:path";

/** The root of the repository, or of the files inside of the executable. */
export const ROOT = Bun.isStandaloneExecutable ? import.meta.dir : join(import.meta.dir, "../..");

/**
 * The beginning of a command line that runs one of our mains in another process: with the same Bun,
 * or as a command of the executable.
 * @param script such as `src/tcp-main.ts`
 */
export function commandOf(script: string, root = ROOT): string[] {
  if (Bun.isStandaloneExecutable) return [process.execPath, basename(script, "-main.ts")];
  return [process.execPath, "--no-env-file", join(root, script)];
}
