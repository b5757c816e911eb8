import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { VARIABLES } from "../src/config/variables.ts";

const ROOT = join(import.meta.dir, "..");
const MAX_LINES = 250;
const MAX_COLUMNS = 100;

/** Who may import whom: a folder or file of ours → what it may import beside itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  schema: [],
  codegen: ["schema"],
  "src/log.ts": ["src/telemetry"],
  "src/telemetry": [],
  "src/config": ["src/log.ts"],
  "src/process": ["src/log.ts"],
  "src/tier-environment.ts": [],
  "src/call-stats.ts": ["src/rpc"],
  "src/backup": [],
  "src/system.ts": ["src/gen", "src/rpc", "src/call-stats.ts", "src/log.ts"],
  "src/cli": [
    "src/gen",
    "src/rpc",
    "src/config/hosts.ts",
    "src/config/values.ts",
    "src/user/stores.ts",
    "schema/errors.ts",
  ],
  "src/rpc": ["schema/errors.ts", "src/log.ts"],
  "src/gen": ["schema", "src/rpc/call.ts"],
  "src/storage": ["src/user/stores.ts", "src/log.ts"],
  "src/http": ["src/gen", "schema", "src/rpc/call.ts", "src/rpc/error.ts", "src/log.ts"],
};

/** What the folder of a service may import, which has the name of its schema file. */
const SERVICE_MAY_IMPORT = ["src/gen", "schema", "src/rpc/error.ts", "src/log.ts"];

/** Imported for their types alone. */
const TYPES_ONLY: Readonly<Record<string, readonly string[]>> = {
  "src/log.ts": [
    "src/system.ts",
    "src/config",
    "src/process",
    "src/rpc",
    "src/storage",
    "src/http",
  ],
  "src/gen": [],
  schema: [],
};
const TYPES_ONLY_FOR_SERVICES = ["src/log.ts", "src/gen", "schema"];

const IMPORT = /(?:^|\n)\s*(?:import|export)\s+(type\s)?[^;"'(]*?(?:from\s*)?["']([^"']+)["']/g;
const DYNAMIC_IMPORT = /import()\(\s*["']([^"']+)["']/g;

/** Where a package may be imported; what is not here is for everybody. */
const PACKAGE_PLACES: Readonly<Record<string, readonly string[]>> = {
  "@sinclair/typebox": ["schema", "codegen", "src/gen"],
  "@node-rs/argon2": ["src/user"],
  "bun:sqlite": ["src/storage"],
  "cli-progress": ["src/cli"],
  dataloader: ["src/storage"],
  hyperid: ["src/http"],
  ioredis: ["src/storage"],
  mysql2: ["src/storage"],
  "@opentelemetry": ["src/rpc"],
  "p-limit": ["src/user"],
  sharp: ["src/http"],
  pino: ["src/log.ts"],
  "pino-pretty": ["src/log.ts"],
  uuid: ["src/user"],
};

interface Source {
  /** Relative to the root. */
  readonly path: string;
  readonly text: string;
}

async function read(pattern: string): Promise<Source[]> {
  const paths = await Array.fromAsync(new Bun.Glob(pattern).scan({ cwd: ROOT }));
  return Promise.all(
    paths.sort().map(async (path) => ({ path, text: await Bun.file(join(ROOT, path)).text() })),
  );
}

const ours = await read("{schema,codegen,src,test}/**/*.ts");
const withoutTests = ours.filter(({ path }) => !/\.test\.ts$|\/testing\//.test(path));
const isMain = (path: string) => /^src\/[a-z]+-main\.ts$/.test(path);
const isIn = (path: string, place: string) => path === place || path.startsWith(`${place}/`);

/** `src/user` where there is a `schema/user.ts`. */
function serviceOf(path: string): string | undefined {
  const [folder, name] = /^src\/([a-z-]+)(?=\/)/.exec(path) ?? [];
  return existsSync(join(ROOT, `schema/${name}.ts`)) ? folder : undefined;
}

function placeOf(path: string): string | undefined {
  return Object.keys(MAY_IMPORT).find((place) => isIn(path, place)) ?? serviceOf(path);
}

function isPackageOf(target: string, place: string): boolean {
  const name = Object.keys(PACKAGE_PLACES).find((each) => isIn(target, each));
  return name === undefined || PACKAGE_PLACES[name]?.includes(place) === true;
}

/** Every import of `source` that leaves its place and that the table does not allow. */
function forbiddenImports({ path, text }: Source): string[] {
  const place = placeOf(path);
  if (place === undefined)
    return isMain(path) || isIn(path, "test") ? [] : [`${path} has no place`];
  const imports = [...text.matchAll(IMPORT), ...text.matchAll(DYNAMIC_IMPORT)];
  return imports.flatMap(([, type, target = ""]) => {
    if (!target.startsWith(".")) return isPackageOf(target, place) ? [] : [`${path}: ${target}`];
    const imported = relative(ROOT, join(ROOT, dirname(path), target));
    if (isIn(imported, place)) return [];
    const mayImport = MAY_IMPORT[place] ?? SERVICE_MAY_IMPORT;
    const allowed = mayImport.some((other) => isIn(imported, other));
    const typesOnly = (MAY_IMPORT[place] ? typesOnlyFor(place) : TYPES_ONLY_FOR_SERVICES).some(
      (other) => isIn(imported, other),
    );
    return allowed && (type || !typesOnly) ? [] : [`${path} imports ${imported}`];
  });
}

function typesOnlyFor(place: string): string[] {
  return Object.keys(TYPES_ONLY).filter((other) => TYPES_ONLY[other]?.includes(place));
}

/** `path:line` of every line that matches. */
function linesMatching(sources: readonly Source[], pattern: RegExp): string[] {
  return sources.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}`] : [])),
  );
}

describe("house rules", () => {
  test("imports go one way, and packages where they belong", () => {
    expect(withoutTests.flatMap(forbiddenImports)).toEqual([]);
  });

  test("the import test itself finds what the table forbids", () => {
    const found = (path: string, text: string) => forbiddenImports({ path, text }).length;
    expect(found("src/http/a.ts", 'import { x } from "../storage/open.ts";')).toBe(1);
    expect(found("src/http/a.ts", 'import type { X } from "../user/stores.ts";')).toBe(1);
    expect(found("src/user/a.ts", 'import { X } from "../gen/user-client.ts";')).toBe(1);
    expect(found("src/user/a.ts", 'import type { X } from "../gen/user-client.ts";')).toBe(0);
    expect(found("src/rpc/a.ts", 'export {\n  x,\n} from "../gen/user-client.ts";')).toBe(1);
    expect(found("src/rpc/a.ts", 'import "../config/load.ts";')).toBe(1);
    expect(found("src/http/a.ts", 'const x = await import("../storage/open.ts");')).toBe(1);
    expect(found("src/http/a.ts", 'import { createPool } from "mysql2/promise";')).toBe(1);
    expect(found("src/storage/a.ts", 'import { createPool } from "mysql2/promise";')).toBe(0);
    expect(found("src/helpers/a.ts", "")).toBe(1);
  });

  test("only the mains read the environment, and only they and the tests read the config", () => {
    const others = withoutTests.filter(({ path }) => isIn(path, "src") && !isMain(path));
    expect(linesMatching(others, /\b(process|Bun|import\.meta)\.env\b/)).toEqual([]);
    const outside = others.filter(({ path }) => !isIn(path, "src/config"));
    // How a value is written is the same on a command line.
    expect(linesMatching(outside, /from "[./]*\/config\/(?!(hosts|values)\.ts")/)).toEqual([]);
  });

  test("a service throws the errors of its method's context, which knows the declared ones", () => {
    const services = withoutTests.filter(({ path }) => {
      const place = placeOf(path);
      return place !== undefined && !MAY_IMPORT[place];
    });
    expect(services.length).toBeGreaterThan(0);
    expect(linesMatching(services, /new DomainError\(/)).toEqual([]);
  });

  test("files are named for what they hold and are short enough to read", () => {
    const vague = /(^|[/-])(utils?|helpers?|common|misc|index)\.ts$/;
    expect(ours.filter(({ path }) => vague.test(path))).toEqual([]);
    const long = withoutTests.filter(({ text }) => text.split("\n").length > MAX_LINES);
    expect(long.map(({ path }) => path)).toEqual([]);
    expect(linesMatching(withoutTests, new RegExp(`^.{${MAX_COLUMNS + 1},}$`))).toEqual([]);
  });

  test("no type is silenced and no error swallowed without a word", () => {
    expect(linesMatching(withoutTests, /@ts-(ignore|nocheck|expect-error)|biome-ignore/)).toEqual(
      [],
    );
    expect(linesMatching(withoutTests, /\bas (any|unknown as|never)\b/)).toEqual([]);
    expect(linesMatching(withoutTests, /catch\s*(\([^)]*\))?\s*\{\s*\}/)).toEqual([]);
  });

  test("tests that start servers have a time limit that a slow machine can meet", () => {
    const starting = /startStack|sharedMariaDb|sharedRedis|openBrowser|Bun\.spawn|new Listener\(/;
    const unlimited = ours.filter(
      ({ path, text }) =>
        path.endsWith(".test.ts") &&
        path !== "test/house-rules.test.ts" &&
        starting.test(text) &&
        !/^setDefaultTimeout\(/m.test(text),
    );
    expect(unlimited.map(({ path }) => path)).toEqual([]);
  });

  test("every emitted file says where it comes from", async () => {
    for (const { text } of await read("src/gen/*.ts")) {
      expect(text).toStartWith("// @generated from schema/");
    }
  });

  test("the README's table of variables is the one of src/config", async () => {
    const readme = await Bun.file(join(ROOT, "README.md")).text();
    const rows = [...readme.matchAll(/^\| `([A-Z\d_]+)` \| (.*) \| (.*) \| (.*) \|$/gm)];
    const documented = rows.map(([, name, value, meaning, readBy]) => {
      return { name, default: value, meaning, readBy };
    });
    const known = Object.entries(VARIABLES).map(([name, { default: value, meaning, readBy }]) => {
      return { name, default: value, meaning, readBy: readBy.join(", ") || "start" };
    });
    expect(documented).toEqual(known);
  });

  test("no private field is named as if a convention hid it", () => {
    expect(linesMatching(withoutTests, /\bprivate (?!constructor)|this\._/)).toEqual([]);
  });
});
