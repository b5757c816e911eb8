// The project's own TypeScript files and what they import, for the house rules and the test runner.
import { dirname, join, relative } from "node:path";

const ROOT = join(import.meta.dir, "..");

export interface Source {
  /** Relative to the root. */
  readonly path: string;
  readonly text: string;
}

export interface Import {
  readonly isType: boolean;
  /** A path of ours, relative to the root, or a package. */
  readonly target: string;
}

const IMPORT = /(?:^|\n)\s*(?:import|export)\s+(type\s)?[^;"'(]*?(?:from\s*)?["']([^"']+)["']/g;
const DYNAMIC_IMPORT = /import()\(\s*["']([^"']+)["']/g;

/** @param pattern a glob, relative to the root; installed packages are left out */
export async function readSources(pattern: string): Promise<Source[]> {
  const found = await Array.fromAsync(new Bun.Glob(pattern).scan({ cwd: ROOT }));
  const paths = found.filter((path) => !path.includes("node_modules/"));
  return Promise.all(
    paths.sort().map(async (path) => ({ path, text: await Bun.file(join(ROOT, path)).text() })),
  );
}

export function importsOf({ path, text }: Source): Import[] {
  const found = [...text.matchAll(IMPORT), ...text.matchAll(DYNAMIC_IMPORT)];
  return found.map(([, type, target = ""]) => ({
    isType: type !== undefined,
    target: target.startsWith(".") ? relative(ROOT, join(ROOT, dirname(path), target)) : target,
  }));
}

/** For each file, all that it imports, directly or through others, types included. */
export function reachedFrom(sources: readonly Source[]): Map<string, ReadonlySet<string>> {
  const targets = new Map(
    sources.map((source) => [source.path, importsOf(source).map(({ target }) => target)]),
  );
  const reached = (from: string) => {
    const seen = new Set<string>();
    const rest = [...(targets.get(from) ?? [])];
    for (let path = rest.pop(); path !== undefined; path = rest.pop()) {
      if (seen.has(path)) continue;
      seen.add(path);
      rest.push(...(targets.get(path) ?? []));
    }
    return seen;
  };
  return new Map(sources.map(({ path }) => [path, reached(path)]));
}
