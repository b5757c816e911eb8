// `bun run test`: make sure that the servers and the browser of the tests are there, then run all.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { print } from "../src/cli/output.ts";
import { missingPrograms } from "./programs.ts";

const HELP = `Install what the tests need, and run every test.

  bun run test                      all of them
  bun run test src/rpc/frame        those of the files whose path has this in it
  bun run test -t "sign in"         those whose name matches

It installs the dependencies; MariaDB, Redis and Chromium too, from Debian's
packages, if it runs as root. All arguments but --help are those of \`bun test\`.
Exit code: 0, or another if a test fails or does not exist.`;

const ROOT = join(import.meta.dir, "..");
/** Test files at once. Half of their time is waiting for processes, servers and deadlines. */
const FILES_AT_ONCE = 3;

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

const isInstalling = process.argv[2] === "--install";
const args = process.argv.slice(isInstalling ? 3 : 2);
if (/^(--help|-h|help)$/.test(args[0] ?? "")) {
  await print(HELP);
  process.exit(0);
}
// `bun test` would run, or print a help of its own.
if (/^(--help|-h)=/.test(args[0] ?? "")) {
  console.error(`Option '--help' does not take an argument\n\n${HELP}`);
  process.exit(2);
}
if (isInstalling) {
  const exitCode = await run([process.execPath, "install", "--frozen-lockfile"]);
  if (exitCode !== 0) process.exit(exitCode);
}
if (!(await installPrograms())) process.exit(1);
const folder = await mkdtemp(join(tmpdir(), "portico-report-"));
const report = join(folder, "junit.xml");
const exitCode = await run([
  process.execPath,
  "test",
  "--no-env-file",
  `--parallel=${FILES_AT_ONCE}`,
  "--reporter=junit",
  `--reporter-outfile=${report}`,
  ...args,
]);
const file = Bun.file(report);
const counts = readCounts((await file.exists()) ? await file.text() : "");
await rm(folder, { recursive: true });
// A file that cannot even be loaded is in no report.
const failed = exitCode === 0 ? counts.failed : Math.max(1, counts.failed);
if (counts.skipped > 0) console.log(`${counts.skipped} left out: ${whyLeftOut()}`);
console.log(`${counts.passed} passed, ${failed} failed`);
process.exitCode = exitCode;
