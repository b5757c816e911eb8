// `bun run bench WHAT`: how anyone checks the claims on their own machine.

import { parseArgs } from "node:util";
import { benchRpc, rpcTable } from "./rpc/main.ts";
import { profileRpc } from "./rpc/profile.ts";

const HELP = `bun run bench rpc [--quick | --profile]

  rpc    one call at 1, 64 and 1,000 in flight: Portico beside the bare framed loop (the
         ceiling), grpc-js and Connect-ES, each with a server and a client process

  --quick      one short round instead of five long ones
  --profile    where Portico's time goes at 64 in flight, on both sides, instead
`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

if (positionals[0] !== "rpc" || values.help) {
  console.log(HELP);
  process.exitCode = positionals.length === 0 || values.help ? 0 : 1;
} else if (values.profile) {
  console.log(await profileRpc(5000));
} else {
  const [rounds, durationMs] = values.quick ? [1, 300] : [5, 2000];
  const rows = await benchRpc({ rounds, durationMs, inFlight: [1, 64, 1000] }, (text) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  });
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  console.log(rpcTable(rows));
}
