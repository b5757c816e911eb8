// Builds the executable, and runs the tests of the contract on it in an empty chroot:
// `bun test/contract-in-chroot-main.ts`, as root.

import { build, EmptyRoot } from "./executable.ts";

console.log((await build()).trim());
await using root = await EmptyRoot.create();
const files = process.argv.slice(2);
const tests = Bun.spawn(
  [process.execPath, "test", ...(files.length > 0 ? files : ["test/contract"])],
  {
    env: { ...process.env, TEST_PROGRAM: root.command.join(" ") },
    stdio: ["ignore", "inherit", "inherit"],
  },
);
process.exitCode = await tests.exited;
