// `bun run bench WHAT`: how anyone checks the claims on their own machine.

import { parseArgs } from "node:util";
import { benchRpc, rpcTable } from "./rpc/main.ts";

const HELP = `bun run bench rpc [--quick]

  rpc    one call at 1, 64 and 1,000 in flight: Portico beside the bare framed loop (the
         ceiling), grpc-js and Connect-ES, each with a server and a client process

  --quick    one short round instead of five long ones
`;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false } },
});

if (positionals[0] === "rpc") {
  const [rounds, durationMs] = values.quick ? [1, 300] : [5, 2000];
  const rows = await benchRpc({ rounds, durationMs, inFlight: [1, 64, 1000] }, (text) => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  });
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  console.log(rpcTable(rows));
} else {
  console.log(HELP);
  process.exitCode = positionals.length === 0 ? 0 : 1;
}
