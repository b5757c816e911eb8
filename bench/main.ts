// `bun run bench WHAT`: how anyone checks the claims on their own machine.

import { parseArgs } from "node:util";
import { benchMicro, microTable } from "./micro/main.ts";
import { benchRpc, rpcTable } from "./rpc/main.ts";
import { profileRpc } from "./rpc/profile.ts";
import { benchSeed, seedTable } from "./seed/main.ts";

const HELP = `bun run bench rpc [--quick | --profile]
bun run bench seed [--quick]
bun run bench micro [--quick]

  rpc    one call at 1, 64 and 1,000 in flight: Portico beside the bare framed loop (the
         ceiling), grpc-js and Connect-ES, each with a server and a client process
  seed   1,000,000 users into a MariaDB of its own: the seeder beside LOAD DATA of the
         same rows from a ready-made file, three rounds
  micro  frames, messages, checks, sessions and passwords, one operation of each

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

const [what] = positionals;
if (values.help || (what !== "rpc" && what !== "seed" && what !== "micro")) {
  console.log(HELP);
  process.exitCode = what === undefined || values.help ? 0 : 1;
} else if (what === "seed") {
  const [rows, rounds] = values.quick ? [100_000, 1] : [1_000_000, 3];
  const loads = await benchSeed({ rows, rounds }, showProgress);
  showProgress("");
  console.log(seedTable(loads));
} else if (what === "micro") {
  const rows = await benchMicro(
    { durationMs: values.quick ? 50 : 1000, batch: 1024 },
    showProgress,
  );
  showProgress("");
  console.log(microTable(rows));
} else if (values.profile) {
  console.log(await profileRpc(5000));
} else {
  const [rounds, durationMs] = values.quick ? [1, 300] : [5, 2000];
  const rows = await benchRpc({ rounds, durationMs, inFlight: [1, 64, 1000] }, showProgress);
  showProgress("");
  console.log(rpcTable(rows));
}
