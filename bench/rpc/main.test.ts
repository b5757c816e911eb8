import { expect, setDefaultTimeout, test } from "bun:test";
import { CONTENDERS } from "./contenders.ts";
import { benchRpc, rpcTable } from "./main.ts";
import { profileRpc } from "./profile.ts";

// Eight processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

test("the RPC benchmark runs, and every contender gives right replies", async () => {
  const rows = await benchRpc({ rounds: 1, durationMs: 50, inFlight: [1, 8] });
  const names = Object.keys(CONTENDERS);
  expect(rows.map(({ name, inFlight }) => `${name} ${inFlight}`)).toEqual([
    ...names.map((name) => `${name} 1`),
    ...names.map((name) => `${name} 8`),
  ]);
  for (const { callsPerSecond, p50Ms, p99Ms } of rows) {
    expect(callsPerSecond).toBeGreaterThan(0);
    expect(p99Ms).toBeGreaterThanOrEqual(p50Ms);
  }
  expect(rpcTable(rows).split("\n")).toHaveLength(2 + rows.length);
});

test("the profile names functions of both sides", async () => {
  const [server = "", client = ""] = (await profileRpc(200)).split("\n\n");
  expect(server).toMatch(/^\| server: function \|.*\n.*\n\| .+ \| [\d.]+ % \|\n/);
  expect(client).toMatch(/^\| client: function \|.*\n.*\n\| .+ \| [\d.]+ % \|\n/);
});
