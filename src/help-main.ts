// Lists the commands. `bun run help`

import { table } from "./cli/layout.ts";
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
  help: "print this list",
};

const rows = Object.entries(COMMANDS).map(([name, does]) => [`bun run ${name}`, does]);
const HELP = `Portico's commands, the most used first. Each prints its options with --help.

${table(rows, "  ")}

If Bun is not installed, write \`npx -y bun@1.4.5 run\` instead of \`bun run\`.`;

if (import.meta.main) {
  await optionsOrExit("help", HELP, {});
  await print(HELP);
}
