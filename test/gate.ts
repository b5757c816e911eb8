// The gate for every change: `bun run check` and `bun run ok`. `bun run format` fixes what it can.

import { join } from "node:path";
import { optionsOrExit } from "../src/cli/usage.ts";

const ROOT = join(import.meta.dir, "..");
const BIN = join(ROOT, "node_modules/.bin");

const BIOME = join(BIN, "biome");
const CHECKS = [
  [BIOME, "check", "--error-on-warnings"],
  [join(BIN, "tsc")],
  [join(ROOT, "codegen/main.ts"), "--check"],
];

interface Command {
  readonly help: string;
  /** Scripts with their arguments. Each runs if the ones before it have passed. */
  readonly steps: readonly string[][];
}

const COMMANDS: Readonly<Record<string, Command>> = {
  format: {
    help: `Format the files, and fix what can be fixed automatically.

  bun run format

It also writes the tables of docs/configuration.md from src/config/variables.ts,
those of docs/operations.md from src/telemetry/metrics/catalogue.ts,
deploy/grafana/portico.json from test/dashboard.ts, and
src/user/common-passwords.txt.
It takes no arguments but --help. Exit code: 0, or 1 if something is left to fix.`,
    steps: [
      [BIOME, "check", "--write"],
      [join(ROOT, "test/configuration-page.ts")],
      [join(ROOT, "test/metrics-page.ts")],
      [join(ROOT, "test/dashboard.ts")],
      [join(ROOT, "test/common-passwords.ts")],
    ],
  },
  check: {
    help: `Check format, rules, types, and that what codegen emits is up to date.

  bun run check

It changes nothing, and takes no arguments but --help. Exit code: 0, or another
if something is wrong, which is then on the terminal.`,
    steps: CHECKS,
  },
  ok: {
    help: `The gate that every change passes: \`bun run check\`, then every test.

  bun run ok

It takes no arguments but --help. Exit code: 0, or another if something is wrong.`,
    steps: [...CHECKS, [join(ROOT, "test/main.ts")]],
  },
};

/** From package.json's script, which puts the name in front of the arguments. */
const [name = ""] = process.argv.splice(2, 1);
const { help, steps } = COMMANDS[name] ?? {};
if (!help || !steps) throw new Error(`Cannot run "${name}": must be format, check or ok`);
await optionsOrExit(name, help, {});
for (const [script = "", ...args] of steps) {
  const step = Bun.spawn([process.execPath, "--no-env-file", script, ...args], {
    cwd: ROOT,
    stdio: ["inherit", "inherit", "inherit"],
  });
  process.exitCode = await step.exited;
  if (process.exitCode !== 0) break;
}
