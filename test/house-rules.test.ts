import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { VARIABLES } from "../src/config/variables.ts";
import { METRICS } from "../src/telemetry/metrics/catalogue.ts";
import { PAGE, withTables } from "./configuration-page.ts";
import { METRICS_PAGE, withMetricTables } from "./metrics-page.ts";
import { importsOf, reachedFrom, readSources, type Source } from "./sources.ts";

const ROOT = join(import.meta.dir, "..");
const MAX_LINES = 250;
const MAX_COLUMNS = 100;

/**
 * Who may import whom, apart from itself. `folder/*` means the files of a folder without its
 * rooms: two rooms of one parent know each other only through the parent.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  schema: [],
  codegen: ["schema"],
  "src/config": [
    "schema/callers.ts",
    "schema/lengths.ts",
    "src/telemetry/log.ts",
    "src/user/password.ts",
    "src/user/pepper.ts",
    "src/http/avatar/bucket.ts",
    "src/http/request-log.ts",
    "src/storage/mysql/host-urls.ts",
  ],
  "src/process": ["src/telemetry/log.ts", "src/rpc/log.ts"],
  "src/telemetry": ["src/gen", "src/rpc/*", "schema/errors.ts"],
  "src/backup": ["src/storage/sqlite", "schema/picture.ts"],
  // A move copies from store to store, below the services that use them.
  "src/moving": ["src/storage", "src/http/avatar", "schema/picture.ts"],
  "src/cli": [
    "src/gen",
    "src/rpc",
    "src/config/hosts.ts",
    "src/config/values.ts",
    "src/user/stores.ts",
    "schema/errors.ts",
  ],
  "src/rpc/wire": ["src/rpc/*", "schema/callers.ts", "schema/errors.ts"],
  "src/rpc/client": ["src/rpc/*", "src/rpc/wire", "schema/errors.ts"],
  "src/rpc/server": ["src/rpc/*", "src/rpc/wire", "schema/callers.ts", "schema/errors.ts"],
  "src/rpc/*": ["schema/errors.ts"],
  "src/gen": ["schema", "src/rpc/method.ts"],
  "src/storage/mysql": ["src/storage/*", "src/user/stores.ts", "src/rpc/log.ts"],
  "src/storage/redis": ["src/storage/*", "src/user/stores.ts", "src/rpc/log.ts"],
  "src/storage/sqlite": ["src/storage/*", "src/user/stores.ts", "src/rpc/log.ts"],
  "src/storage": ["src/user/stores.ts", "src/rpc/log.ts"],
  "src/http": ["src/gen", "schema", "src/rpc/*"],
};

/** What the folder of a service may import. It has the name of its schema file. */
const SERVICE_MAY_IMPORT = ["src/gen", "schema", "src/rpc/*"];

/** Only their types may be imported: by all folders, or by those of services. */
const TYPES_ONLY = [
  "src/rpc/log.ts",
  "src/telemetry/log.ts",
  "src/user/password.ts",
  "src/user/pepper.ts",
  "src/http/avatar/bucket.ts",
  "src/http/request-log.ts",
];
const TYPES_ONLY_FOR_SERVICES = [...TYPES_ONLY, "src/gen"];

/** Where a package may be imported. Packages that are not listed may be imported anywhere. */
const PACKAGE_PLACES: Readonly<Record<string, readonly string[]>> = {
  "@sinclair/typebox": ["schema", "codegen", "src/gen"],
  "@node-rs/argon2": ["src/user"],
  "bun:sqlite": ["src/storage"],
  "cli-progress": ["src/cli"],
  dataloader: ["src/storage"],
  hyperid: ["src/http"],
  ioredis: ["src/storage"],
  mysql2: ["src/storage"],
  "@opentelemetry": ["src/telemetry"],
  "@prometheus-io/client": ["src/telemetry/metrics"],
  "p-limit": ["test"],
  sharp: ["src/http"],
  "smol-toml": ["src/config/settings-file.ts"],
  pino: ["src/telemetry/log.ts"],
  "pino-pretty": ["src/telemetry/log.ts"],
  uuid: ["src/user"],
};

const ours = await readSources("{schema,codegen,src,test,bench}/**/*.ts");
const withoutTests = ours.filter(({ path }) => !/\.test\.ts$|\/testing\//.test(path));
const isMain = (path: string) => /^src\/[a-z-]+-main\.ts$/.test(path);
function isIn(path: string, place: string): boolean {
  if (place.endsWith("/*")) return dirname(path) === place.slice(0, -2);
  return path === place || path.startsWith(`${place}/`);
}

/** `src/user` if there is a `schema/user.ts`. */
function serviceOf(path: string): string | undefined {
  const [folder, name] = /^src\/([a-z-]+)(?=\/)/.exec(path) ?? [];
  return existsSync(join(ROOT, `schema/${name}.ts`)) ? folder : undefined;
}

function placeOf(path: string): string | undefined {
  return Object.keys(MAY_IMPORT).find((place) => isIn(path, place)) ?? serviceOf(path);
}

function isPackageOf(target: string, path: string): boolean {
  const name = Object.keys(PACKAGE_PLACES).find((each) => isIn(target, each));
  return name === undefined || PACKAGE_PLACES[name]?.some((place) => isIn(path, place)) === true;
}

/** The imports of `source` from other places that the table does not allow. */
function forbiddenImports(source: Source): string[] {
  const { path } = source;
  const place = placeOf(path);
  if (place === undefined) {
    return isMain(path) || isIn(path, "test") || isIn(path, "bench")
      ? []
      : [`${path} has no place`];
  }
  const typesOnly = MAY_IMPORT[place] ? TYPES_ONLY : TYPES_ONLY_FOR_SERVICES;
  const mayImport = MAY_IMPORT[place] ?? SERVICE_MAY_IMPORT;
  return importsOf(source)
    .filter(({ isType, target }) => {
      if (!/^(src|schema|codegen|test|bench)\//.test(target)) return !isPackageOf(target, path);
      if (isIn(target, place)) return false;
      if (!mayImport.some((other) => isIn(target, other))) return true;
      return !isType && typesOnly.some((other) => isIn(target, other));
    })
    .map(({ target }) => `${path} imports ${target}`);
}

/** Groups of files that import each other, directly or through others, types included. */
function circles(sources: readonly Source[]): string[][] {
  const reached = reachedFrom(sources);
  const groups = sources
    .filter(({ path }) => reached.get(path)?.has(path))
    .map(({ path }) =>
      [...(reached.get(path) ?? [])]
        .filter((other) => reached.get(other)?.has(path))
        .sort()
        .join(),
    );
  return [...new Set(groups)].map((group) => group.split(","));
}

/**
 * Files that no other file imports or starts: they can go, or only tests need them. Tests and
 * `*-main.ts` are started by name.
 * @param starting more text that starts files, such as the scripts of package.json
 */
function unused(sources: readonly Source[], starting: string): string[] {
  const used = new Set(sources.flatMap((source) => importsOf(source).map(({ target }) => target)));
  const isStarted = ({ path }: Source) => {
    const name = new RegExp(`["'/ ]${basename(path, ".ts")}(\\.ts)?["'\\s]`);
    return (
      name.test(starting) || sources.some(({ path: by, text }) => by !== path && name.test(text))
    );
  };
  const isRunByName = (path: string) => /(\.test|-main)\.ts$/.test(path);
  return sources
    .filter((source) => !used.has(source.path) && !isRunByName(source.path) && !isStarted(source))
    .map(({ path }) => path);
}

/** `path:line` of each matching line. */
function linesMatching(sources: readonly Source[], pattern: RegExp): string[] {
  return sources.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}`] : [])),
  );
}

describe("house rules", () => {
  test("imports go one way, and packages are imported where they belong", () => {
    expect(withoutTests.flatMap(forbiddenImports)).toEqual([]);
  });

  test("the test of imports finds what the table forbids", () => {
    const found = (path: string, text: string) => forbiddenImports({ path, text }).length;
    expect(found("src/http/a.ts", 'import { x } from "../storage/open.ts";')).toBe(1);
    expect(found("src/http/a.ts", 'import type { X } from "../user/stores.ts";')).toBe(1);
    expect(found("src/user/a.ts", 'import { X } from "../gen/user.ts";')).toBe(1);
    expect(found("src/user/a.ts", 'import type { X } from "../gen/user.ts";')).toBe(0);
    expect(found("src/rpc/a.ts", 'export {\n  x,\n} from "../gen/user.ts";')).toBe(1);
    expect(found("src/rpc/a.ts", 'import "../config/load.ts";')).toBe(1);
    expect(found("src/http/a.ts", 'const x = await import("../storage/open.ts");')).toBe(1);
    expect(found("src/http/a.ts", 'import { createPool } from "mysql2/promise";')).toBe(1);
    expect(found("src/storage/a.ts", 'import { createPool } from "mysql2/promise";')).toBe(0);
    expect(found("src/rpc/client/a.ts", 'import { x } from "../server/listener.ts";')).toBe(1);
    expect(found("src/rpc/client/a.ts", 'import { x } from "../wire/frame.ts";')).toBe(0);
    expect(found("src/rpc/a.ts", 'import type { X } from "./client/pool.ts";')).toBe(1);
    expect(found("src/http/a.ts", 'import { x } from "../rpc/wire/frame.ts";')).toBe(1);
    expect(found("src/storage/mysql/a.ts", 'import { x } from "../redis/client.ts";')).toBe(1);
    expect(found("src/storage/open.ts", 'import { x } from "./mysql/client.ts";')).toBe(0);
    expect(found("src/helpers/a.ts", "")).toBe(1);
  });

  test("no two files import each other", () => {
    expect(circles(ours)).toEqual([]);
  });

  test("the test of circles finds one, and no other", () => {
    const file = (name: string, ...imported: string[]): Source => ({
      path: `src/user/${name}.ts`,
      text: imported.map((other) => `import type { X } from "./${other}.ts";`).join("\n"),
    });
    const circle = [file("a", "b"), file("b", "c"), file("c", "a")];
    const rest = [file("d", "a", "e"), file("e")];
    expect(circles([...circle, ...rest])).toEqual([circle.map(({ path }) => path)]);
    expect(circles(rest)).toEqual([]);
  });

  test("every file is imported by another, or started", async () => {
    const scripts = await Bun.file(join(ROOT, "package.json")).text();
    expect(unused(ours, scripts)).toEqual([]);
  });

  test("the test of unused files finds one, and no other", () => {
    const sources: Source[] = [
      { path: "src/a-main.ts", text: 'import "./b.ts"; new Worker("./c.ts");' },
      ...["b", "c", "d"].map((name) => ({ path: `src/${name}.ts`, text: "" })),
    ];
    expect(unused(sources, "")).toEqual(["src/d.ts"]);
  });

  test("only the mains read the environment, and only they and the tests read the config", () => {
    const others = withoutTests.filter(({ path }) => isIn(path, "src") && !isMain(path));
    expect(linesMatching(others, /\b(process|Bun|import\.meta)\.env\b/)).toEqual([]);
    const outside = others.filter(({ path }) => !isIn(path, "src/config"));
    // A value has the same form on a command line.
    expect(linesMatching(outside, /from "[./]*\/config\/(?!(hosts|values)\.ts")/)).toEqual([]);
  });

  test("a service throws errors only through its method's context, which knows the declared ones", () => {
    const services = withoutTests.filter(({ path }) => {
      const place = placeOf(path);
      return place !== undefined && !MAY_IMPORT[place];
    });
    expect(services.length).toBeGreaterThan(0);
    expect(linesMatching(services, /new DomainError\(/)).toEqual([]);
  });

  test("files have telling names and are short", () => {
    const vague = /(^|[/-])(utils?|helpers?|common|misc|index)\.ts$/;
    expect(ours.filter(({ path }) => vague.test(path))).toEqual([]);
    // An emitted file is as long as its contract.
    const written = withoutTests.filter(({ path }) => !isIn(path, "src/gen"));
    const long = written.filter(({ text }) => text.split("\n").length > MAX_LINES);
    expect(long.map(({ path }) => path)).toEqual([]);
    expect(linesMatching(withoutTests, new RegExp(`^.{${MAX_COLUMNS + 1},}$`))).toEqual([]);
  });

  test("no type error is silenced, and no error is swallowed", () => {
    expect(linesMatching(withoutTests, /@ts-(ignore|nocheck|expect-error)|biome-ignore/)).toEqual(
      [],
    );
    expect(linesMatching(withoutTests, /\bas (any|unknown as|never)\b/)).toEqual([]);
    expect(linesMatching(withoutTests, /catch\s*(\([^)]*\))?\s*\{\s*\}/)).toEqual([]);
  });

  test("tests that start servers have a time limit for slow machines", () => {
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
    for (const { text } of await readSources("src/gen/*.ts")) {
      expect(text).toStartWith("// @generated from schema/");
    }
  });

  test("the tables of variables in docs/configuration.md are those of src/config", async () => {
    const page = await Bun.file(PAGE).text();
    expect(page).toBe(withTables(page));
    const listed = [...page.matchAll(/^\| `([A-Z\d_]+)` \| .* \| .* \| .* \|$/gm)];
    expect(listed.map(([, name]) => name)).toEqual(Object.keys(VARIABLES));
  });

  test("the tables of metrics in docs/operations.md are those of the catalogue", async () => {
    const page = await Bun.file(METRICS_PAGE).text();
    expect(page).toBe(withMetricTables(page));
    const listed = [...page.matchAll(/^\| `([a-z_]+)` \| \w+ \| .*\| .* \|$/gm)];
    expect(listed.map(([, name]) => name)).toEqual(Object.keys(METRICS));
  });

  test("private fields are private by `#`, not by an underscore", () => {
    expect(linesMatching(withoutTests, /\bprivate (?!constructor)|this\._/)).toEqual([]);
  });
});
