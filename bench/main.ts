// `bun run bench WHAT`: how anyone checks the claims on their own machine.

import { parseArgs } from "node:util";
import { reportCommand } from "./report/main.ts";
import { benchRpc, rpcTable } from "./rpc/main.ts";
import { profileRpc } from "./rpc/profile.ts";
import { benchSeed, seedTable } from "./seed/main.ts";

const HELP = `bun run bench rpc [--quick | --profile]
bun run bench seed [--quick]
bun run bench report [FILE]

  rpc    one call at 1, 64 and 1,000 in flight: Portico beside the bare framed loop (the
         ceiling), grpc-js and Connect-ES, each with a server and a client process
  seed   1,000,000 users into a MariaDB of its own: the seeder beside LOAD DATA of the
         same rows from a ready-made file, three rounds
  report make the page of a load test's results, the newest in bench/results, and write
         its tables into README.md

  --quick      one short round
  --profile    where Portico's time goes at 64 in flight, on both sides, instead
`;

function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const [what, file] = positionals;
if (values.help || (what !== "rpc" && what !== "seed" && what !== "report")) {
  console.log(HELP);
  process.exitCode = what === undefined || values.help ? 0 : 1;
} else if (what === "report") {
  process.exitCode = await reportCommand(file);
} else if (what === "seed") {
  const [rows, rounds] = values.quick ? [100_000, 1] : [1_000_000, 3];
  const loads = await benchSeed({ rows, rounds }, showProgress);
  showProgress("");
  console.log(seedTable(loads));
} else if (values.profile) {
  console.log(await profileRpc(5000));
} else {
  const [rounds, durationMs] = values.quick ? [1, 300] : [5, 2000];
  const rows = await benchRpc({ rounds, durationMs, inFlight: [1, 64, 1000] }, showProgress);
  showProgress("");
  console.log(rpcTable(rows));
}
