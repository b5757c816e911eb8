// `bun run test`: make sure that the servers and the browser of the tests are there, then run all.

import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exitAsMisunderstood, print, splitArguments, UsageError } from "../src/cli/usage.ts";
import { shown } from "../src/config/values.ts";
import { missingPrograms } from "./programs.ts";
import { reachedFrom, readSources } from "./sources.ts";
import { watchFolder } from "./throw-away.ts";

const HELP = `Install what the tests need, and run every test.

  bun run test                      all of them
  bun run test --quick              those that need no database, browser or tier
  bun run test src/rpc/frame        those of the files whose path contains this
  bun run test -t "sign in"         those whose name matches

It installs the dependencies. If it runs as root on Debian, it also installs the
servers and programs that are missing. \`bun test\` installs nothing, skips tests
that need a missing program, and takes all options of Bun's test runner.

Options
  --quick                           only tests that need no server and no process
  -t, --test-name-pattern PATTERN   a regular expression of test names
  --bail                            stop at the first failure
  -h, --help                        this text

Exit codes:
  0  every test passed
  1  a test failed, or what the tests need cannot be installed
  2  the arguments are wrong`;

const ROOT = join(import.meta.dir, "..");
/** Test files at once. Half of their time is waiting for processes, servers and deadlines. */
const FILES_AT_ONCE = 4;
/** How long each file takes, in milliseconds: the slowest begin first. */
const TIMINGS = "test/timings.json";
/** What imports one of these starts a server, a browser or a tier. */
const NOT_QUICK = ["test/throw-away.ts", "test/browser.ts", "test/child.ts"];

async function run(command: string[], environment: Record<string, string> = {}): Promise<number> {
  const child = Bun.spawn(command, {
    cwd: ROOT,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "inherit", "inherit"],
  });
  return child.exited;
}

/**
 * Install what is missing where this may be done, else say in one line how to.
 * @returns false where it was tried and failed: tests that were left out would look like a pass
 */
async function installPrograms(): Promise<boolean> {
  const packages = missingPrograms().map(({ debianPackage }) => debianPackage);
  if (packages.length === 0) return true;
  const install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", ...packages];
  if (process.getuid?.() !== 0 || !Bun.which("apt-get")) {
    console.log(`Some tests will be left out. To run them: sudo ${install.join(" ")}`);
    return true;
  }
  console.log(`Installing for the tests: ${packages.join(", ")}`);
  const quiet = { DEBIAN_FRONTEND: "noninteractive" };
  const code = (await run(["apt-get", "update", "-qq"], quiet)) || (await run(install, quiet));
  if (code !== 0)
    console.error(`Cannot install ${packages.join(", ")}: apt-get ended with ${code}`);
  return code === 0;
}

/** Why tests were left out; those that a benchmark alone needs are told by their names. */
function whyLeftOut(): string {
  const missing = missingPrograms().map(({ names }) => `no ${names[0]}`);
  return missing.length > 0 ? `${missing.join(", ")} on this machine` : "their names say why";
}

/** The counts of a JUnit report's root element. */
function readCounts(report: string): { passed: number; failed: number; skipped: number } {
  const root = /<testsuites[^>]*>/.exec(report)?.[0] ?? "";
  const count = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(root)?.[1] ?? 0);
  const [failed, skipped] = [count("failures") + count("errors"), count("skipped")];
  return { passed: count("tests") - failed - skipped, failed, skipped };
}

interface Arguments {
  readonly help: boolean;
  readonly quick: boolean;
  /** In front, by the script of package.json: install the dependencies first. */
  readonly install: boolean;
  /** Those of `bun test`. */
  readonly passedOn: readonly string[];
}

/** @throws {UsageError} */
function parseArguments(args: readonly string[]): Arguments {
  const install = args[0] === "--install";
  const { values, positionals } = splitArguments("test", {
    args: args.slice(install ? 1 : 0),
    allowPositionals: true,
    options: {
      "test-name-pattern": { type: "string", short: "t" },
      quick: { type: "boolean" },
      bail: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  const testFiles = [
    ...new Bun.Glob("{bench,codegen,schema,src,test}/**/*.test.ts").scanSync(ROOT),
  ];
  for (const path of positionals) {
    if (testFiles.some((file) => file.includes(path.replace(/^\.\//, "")))) continue;
    throw new UsageError(
      `Cannot find tests: no test file has "${shown(path)}" in its path: \`bun run test --help\``,
    );
  }
  if (values.quick && positionals.length > 0) {
    throw new UsageError("--quick chooses the test files itself: `bun run test --help`");
  }
  const { "test-name-pattern": pattern, quick = false, bail = false, help = false } = values;
  const named = pattern === undefined ? [] : [`--test-name-pattern=${pattern}`];
  const passedOn = [...named, ...(bail ? ["--bail"] : []), ...positionals];
  return { help, quick, install, passedOn };
}

/** The test files that start no server, no browser and no tier. */
async function quickFiles(): Promise<string[]> {
  const reached = reachedFrom(await readSources("{bench,codegen,schema,src,test}/**/*.ts"));
  return [...reached]
    .filter(([path, imported]) => {
      return path.endsWith(".test.ts") && !NOT_QUICK.some((file) => imported.has(file));
    })
    .map(([path]) => `./${path}`);
}

function parseArgumentsOrExit(): Arguments {
  try {
    return parseArguments(process.argv.slice(2));
  } catch (error) {
    exitAsMisunderstood(error);
  }
}

const { help, quick, install, passedOn } = parseArgumentsOrExit();
if (help) {
  await print(HELP);
  process.exit(0);
}
if (install) {
  const exitCode = await run([process.execPath, "install", "--frozen-lockfile"]);
  if (exitCode !== 0) process.exit(exitCode);
}
if (!quick && !(await installPrograms())) process.exit(1);
// All that tests leave in the system's folder for temporary files goes with this one: Bun ends the
// processes of a parallel run so quickly that some have no time to clean up.
const folder = await mkdtemp(join(tmpdir(), "portico-tests-"));
const watchdog = watchFolder(folder);
process.env.TMPDIR = folder;
const isWhole = !quick && passedOn.length === 0;
// Imported here, since it needs what has been installed just now.
const servers = isWhole
  ? await (await import("./start-shared-servers.ts")).startSharedServers()
  : undefined;
const report = join(folder, "junit.xml");
const exitCode = await run(
  [
    process.execPath,
    "test",
    "--no-env-file",
    `--parallel=${FILES_AT_ONCE}`,
    `--timings=${TIMINGS}`,
    "--reporter=junit",
    `--reporter-outfile=${report}`,
    ...passedOn,
    ...(quick ? await quickFiles() : []),
  ],
  servers?.environment,
);
const file = Bun.file(report);
const counts = readCounts((await file.exists()) ? await file.text() : "");
await servers?.[Symbol.asyncDispose]();
watchdog.stdin.end();
await watchdog.exited;
// A file that cannot even be loaded is in no report.
const failed = exitCode === 0 ? counts.failed : Math.max(1, counts.failed);
if (counts.skipped > 0) console.log(`${counts.skipped} left out: ${whyLeftOut()}`);
console.log(`${counts.passed} passed, ${failed} failed`);
process.exitCode = exitCode;
