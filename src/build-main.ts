// Makes one executable of Portico. `bun run build`

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { BunPlugin } from "bun";
import { HELP } from "./cli/help.ts";
import { exitAsMisunderstood, optionsOrExit, print, UsageError } from "./cli/usage.ts";
import { ROOT } from "./process/program.ts";

const OUT = "dist/portico";
const PLATFORM = `linux-${process.arch}`;
/** A folder keeps its name, and a file is put into the root. */
const ASSETS = [
  "public",
  "node_modules/swagger-ui-dist/swagger-ui.css",
  "node_modules/swagger-ui-dist/swagger-ui-bundle.js",
];

/** A native part of a package, and the libraries that it needs apart from the C library. */
interface NativePart {
  /** The file of the package that loads it. */
  readonly loader: RegExp;
  readonly file: string;
  /** Files of the packages, or names of libraries of this machine. */
  readonly libraries: readonly string[];
}

async function nativeParts(): Promise<readonly NativePart[]> {
  const vips = await fileOf(`@img/sharp-libvips-${PLATFORM}/lib/libvips-cpp.so.*`);
  const sharp = await fileOf(`@img/sharp-${PLATFORM}/lib/*.node`);
  const argon2 = await fileOf(`@node-rs/argon2-${PLATFORM}-gnu/*.node`);
  const libgcc = "libgcc_s.so.1";
  return [
    {
      loader: /\/sharp\/dist\/sharp\.mjs$/,
      file: sharp,
      libraries: [libgcc, "libstdc++.so.6", vips],
    },
    { loader: /\/@node-rs\/argon2\/index\.js$/, file: argon2, libraries: [libgcc] },
  ];
}

/** @throws {UsageError} its package is not installed */
async function fileOf(pattern: string): Promise<string> {
  const glob = new Bun.Glob(`node_modules/${pattern}`);
  for await (const file of glob.scan({ cwd: ROOT, absolute: true })) return file;
  const remedy = "run `bun install --frozen-lockfile` on Linux with glibc";
  throw new UsageError(`Cannot build: node_modules/${pattern} is missing; ${remedy}`);
}

/** Puts the native parts into the executable, and their loading in place of the packages' own. */
function withNativeParts(parts: readonly NativePart[]): BunPlugin {
  return {
    name: "native parts",
    setup(build) {
      for (const part of parts) {
        build.onLoad({ filter: part.loader }, async () => ({
          contents: await loaderOf(part),
          loader: "js",
        }));
      }
    },
  };
}

async function loaderOf({ file, libraries }: NativePart): Promise<string> {
  const embed = (name: string, path: string) =>
    `import ${name} from ${JSON.stringify(path)} with { type: "file" };`;
  const imports = [embed("file", file)];
  // Loading it here shows what it exports, and which libraries of this machine it takes.
  const part: { exports: object } = { exports: {} };
  process.dlopen(part, file);
  const entries = libraries.map((library, index) => {
    const isPackaged = library.startsWith("/");
    imports.push(embed(`library${index}`, isPackaged ? library : ofThisMachine(library)));
    return `{ ${isPackaged ? "" : `name: "${library}", `}file: library${index} }`;
  });
  return [
    ...imports,
    `import { loadNativePart } from ${JSON.stringify(join(ROOT, "src/process/native-parts.ts"))};`,
    `const part = loadNativePart(file, [${entries.join(", ")}]);`,
    "export default part;",
    `export const { ${Object.keys(part.exports).join(", ")} } = part;`,
  ].join("\n");
}

/** The file of a library that this process has loaded. */
function ofThisMachine(name: string): string {
  const path = readFileSync("/proc/self/maps", "utf8")
    .split("\n")
    .map((line) => line.slice(line.indexOf("/")))
    .find((each) => each.endsWith(`/${name}`) || each.includes(`/${name}.`));
  if (path === undefined) throw new Error(`Cannot find ${name} on this machine`);
  return path;
}

async function commitOf(): Promise<string> {
  // An image that builds may have no git.
  if (Bun.which("git") === null) return "unknown";
  const child = Bun.spawn(["git", "describe", "--always", "--dirty", "--abbrev=12"], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const text = await new Response(child.stdout).text();
  return (await child.exited) === 0 ? text.trim() : "unknown";
}

export async function main(): Promise<void> {
  await optionsOrExit("build", HELP.build, {});
  const parts = await nativeParts().catch(exitAsMisunderstood);
  process.chdir(ROOT);
  await Bun.build({
    entrypoints: ["src/portico-main.ts"],
    compile: {
      outfile: OUT,
      assets: ASSETS,
      autoloadDotenv: false,
      autoloadBunfig: false,
    },
    plugins: [withNativeParts(parts)],
    bytecode: true,
    format: "esm",
    sourcemap: "inline",
    // Names of classes must stay: logs have the names of errors.
    minify: { whitespace: true, syntax: true },
    define: { "process.env.PORTICO_COMMIT": JSON.stringify(await commitOf()) },
  });
  await print(`Built ${OUT}`);
}

if (import.meta.main) await main();
