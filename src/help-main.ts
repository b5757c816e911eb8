// Lists the commands. `bun run help`

import { table } from "./cli/layout.ts";
import { asCalled } from "./cli/program-name.ts";
import { optionsOrExit, print } from "./cli/usage.ts";

/** The scripts of package.json, the most used first. */
export const COMMANDS: Readonly<Record<string, string>> = {
  dev: "run both tiers for development",
  test: "install what the tests need, and run every test",
  start: "run both tiers for production",
  "start:tcp": "run one process of the TCP tier",
  "start:http": "run one process of the HTTP tier",
  rpc: "call a running server, or list what it offers",
  probe: "ask whether a process is ready",
  codegen: "emit code from schema/",
  format: "format the code",
  check: "check format, lint, types and emitted code",
  ok: "run `check` and every test",
  migrate: "bring the database tables up to date",
  backup: "copy users and pictures out of DATA_DIR",
  restore: "put a backup into DATA_DIR",
  graduate: "move DATA_DIR into MySQL, Redis and S3",
  sweep: "remove the pictures that no profile uses",
  "hash-cost": "find the strongest PASSWORD_HASH for this machine",
  seed: "fill the user table with test users",
  bench: "run a benchmark",
  soak: "restart servers under load, and look for lost calls",
  "check-cache": "break servers and databases, and look for stale reads",
  "fuzz-http": "send what Schemathesis makes of /openapi.json",
  build: "make one executable, dist/portico",
  help: "print this list",
};

/** A table of these commands, named as in the executable or as in package.json. */
export function commandList(names: readonly string[]): string {
  const rows = names.map((name) => {
    const does = COMMANDS[name] ?? COMMANDS[`start:${name}`] ?? "";
    return [`${asCalled(`bun run ${name}`)}`, does];
  });
  return table(rows, "  ");
}

const HELP = `Portico's commands, the most used first. Each prints its options with --help.

${commandList(Object.keys(COMMANDS))}

If Bun is not installed, write \`npx -y bun@1.4.5 run\` instead of \`bun run\`.`;

export async function main(): Promise<void> {
  await optionsOrExit("help", HELP, {});
  await print(HELP);
}

if (import.meta.main) await main();
