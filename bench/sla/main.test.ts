import { expect, setDefaultTimeout, spyOn, test } from "bun:test";
import { availableParallelism } from "node:os";
import { available as mariaDbAvailable } from "../../test/mariadb.ts";
import { available as redisAvailable } from "../../test/redis.ts";
import { barePeer } from "../peers/bare.ts";
import type { Peer } from "../peers/peer.ts";
import { portico } from "../peers/portico.ts";
import { BARE, HASH_ALONE, HASHES, PORTICO } from "../report/results.ts";
import type { LoadSet } from "./loads.ts";
import { benchSla } from "./main.ts";
import { terminalTable } from "./terminal-table.ts";
import { Users } from "./traffic.ts";

setDefaultTimeout(120_000);

const hasTool = Bun.which("wrk") !== null || Bun.which("oha") !== null;

const unbuildable: Peer = {
  ...portico,
  name: "unbuildable",
  prepare: () => Promise.reject(new Error("no compiler")),
};

const TINY: readonly LoadSet[] = [
  {
    passwordHash: HASHES.classic,
    loads: [
      { endpoint: "get_user_info", connections: 4, floor: 1 },
      { endpoint: "signup", connections: 4 },
    ],
  },
  { passwordHash: HASHES.light, loads: [{ endpoint: "signin", connections: 4 }] },
];

test.skipIf(!hasTool || !mariaDbAvailable || !redisAvailable)(
  `a tiny run measures every kind of load${hasTool ? "" : " (neither wrk nor oha)"}`,
  async () => {
    const texts: string[] = [];
    const says = spyOn(console, "error").mockImplementation(() => undefined);
    const results = await benchSla(
      {
        command: "bun test",
        loadSets: TINY,
        peers: [barePeer, portico, unbuildable],
        isShort: true,
        users: 100,
        rounds: 1,
        seconds: 1,
      },
      { progress: () => undefined, measured: (load) => texts.push(terminalTable(load)) },
    );
    expect(says.mock.calls.join()).toContain("Error: no compiler");
    says.mockRestore();
    expect(texts).toHaveLength(results.loads.length);
    expect(results.isFull).toBe(false);
    expect(new Set(results.loads.map(({ users }) => users))).toEqual(new Set([100]));
    const tools = ["wrk", "oha"].filter((name) => Bun.which(name) === null);
    expect(results.leftOut).toEqual([
      "unbuildable: it cannot be built; the error was printed",
      ...tools.map((name) => `${name}: it is not installed`),
      "many loads, the curves over connections and rows, memory after a rest: a short run",
    ]);
    expect(new Set(results.loads.map(({ endpoint }) => endpoint))).toEqual(
      new Set(["get_user_info", "signin", "signup"]),
    );
    for (const { contenders } of results.loads) {
      expect(contenders.map(({ name }) => name)).toEqual([BARE, PORTICO, HASH_ALONE]);
      const measured = contenders.filter(({ rounds }) => rounds > 0);
      expect(measured.map(({ name }) => name)).toContain(PORTICO);
      for (const contender of measured) {
        expect(contender).toMatchObject({ rounds: 1, errors: 0, refused: 0, wrong: 0 });
        expect(contender.requestsPerSecond?.median).toBeGreaterThan(0);
        const { p50 = Infinity, max = 0 } = contender.latencyMs ?? {};
        expect(p50).toBeLessThanOrEqual(max);
        expect(Object.keys(contender.cpuSecondsByProcess)).not.toBeEmpty();
        if (contender.name === PORTICO) {
          expect(contender.checked).toBeGreaterThan(0);
          expect(Object.keys(contender.memoryBytes)).toEqual(["TCP", "HTTP"]);
        }
      }
    }
    expect(results.machine.cores).toBe(availableParallelism());
    expect(results.startMs).toEqual([expect.any(Number)]);
  },
);

test("Users returns each user once before it repeats", () => {
  for (const total of [1, 2, 10, 1000, 4096, 9999]) {
    const users = new Users(total);
    const names = users.take(total).map(({ username }) => username);
    expect(new Set(names).size).toBe(total);
    expect(users.next().username).toBe("test0");
  }
  expect(new Users(100).newUsers(2).prefix).not.toStartWith("test");
});
