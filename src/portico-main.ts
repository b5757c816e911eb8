// The executable of `bun run build`: `portico COMMAND`, with all files that it needs inside.

import { version } from "../package.json" with { type: "json" };
import { printAsCalled } from "./cli/program-name.ts";
import { exitAsMisunderstood, print, UsageError } from "./cli/usage.ts";
import { commandList } from "./help-main.ts";

/** Importing `start-main.ts` runs it; the others have a function. */
const COMMANDS: Readonly<Record<string, () => Promise<unknown>>> = {
  start: () => import("./start-main.ts"),
  tcp: async () => (await import("./tcp-main.ts")).main(),
  http: async () => (await import("./http-main.ts")).main(),
  probe: async () => (await import("./probe-main.ts")).main(),
  rpc: async () => (await import("./rpc-main.ts")).main(),
  migrate: async () => (await import("./migrate-main.ts")).main(),
  graduate: async () => (await import("./graduate-main.ts")).main(),
  backup: async () => (await import("./backup-main.ts")).main(),
  restore: async () => (await import("./restore-main.ts")).main(),
  sweep: async () => (await import("./sweep-main.ts")).main(),
  "hash-cost": async () => (await import("./hash-cost-main.ts")).main(),
  seed: async () => (await import("./seed-main.ts")).main(),
};

const IS_PRODUCTION: ReadonlySet<string> = new Set(["start", "tcp", "http"]);

const HELP = `Portico, a user-account service. Each command prints its options with --help.

${commandList(Object.keys(COMMANDS))}

  portico --version   print the version and the commit`;

/** Set by `bun run build`. */
const commit = process.env.PORTICO_COMMIT;
const [, , name = "help"] = process.argv;
const command = COMMANDS[name];
printAsCalled();
if (command) {
  process.argv.splice(2, 1);
  // As in the scripts of package.json. The environment of the build does not count.
  if (IS_PRODUCTION.has(name)) Object.assign(process.env, { NODE_ENV: "production" });
  await command();
} else if (name === "picture") {
  // For our own processes. It runs when it is imported.
  await import("./picture-main.ts");
} else if (["help", "--help", "-h"].includes(name)) await print(HELP);
else if (["version", "--version"].includes(name)) await print(`portico ${version} (${commit})`);
else {
  const known = Object.keys(COMMANDS).join(", ");
  exitAsMisunderstood(new UsageError(`There is no command of this name: it is one of ${known}`));
}
