import { expect, setDefaultTimeout, spyOn, test } from "bun:test";
import { join } from "node:path";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { Folder } from "../../test/child.ts";
import { available as mariaDbAvailable, sharedMariaDb } from "../../test/mariadb.ts";
import { available as redisAvailable, sharedRedis } from "../../test/redis.ts";
import { barePeer } from "../peers/bare.ts";
import type { Peer } from "../peers/peer.ts";
import { portico } from "../peers/portico.ts";
import { HASHES } from "../report/results.ts";
import { run } from "../run.ts";
import { Comparison } from "./comparison.ts";
import type { Databases } from "./databases.ts";
import type { LoadTool, ToolReport } from "./load-tool.ts";
import { Users } from "./traffic.ts";
import * as usage from "./usage.ts";

setDefaultTimeout(60_000);

const REPORT: ToolReport = {
  seconds: 1,
  requests: 1,
  errors: 0,
  refused: 0,
  latencyMs: { p50: 1, p90: 1, p99: 1, p999: 1, max: 1 },
};

/** Signs up two users, one of them with another password, and reports three sign-ups. */
const lyingTool: LoadTool = {
  name: "lyingTool",
  version: async () => "1",
  async send({ origin, traffic, seconds }) {
    const [one = "", two = ""] = (await Bun.file(traffic.file).text()).split("\n", 2);
    const others = { ...JSON.parse(two), password: "hopper1906" };
    for (const body of [one, JSON.stringify(others)]) {
      const headers = { "Content-Type": "application/json" };
      await fetch(origin + traffic.path, { method: "POST", headers, body });
    }
    return { ...REPORT, seconds, requests: 3 };
  },
};

async function startComparison(peers: readonly Peer[], cleanup: AsyncDisposableStack) {
  const { path: folder } = cleanup.use(await Folder.make());
  const [mariaDb, redis] = await Promise.all([sharedMariaDb(), sharedRedis()]);
  const databaseUrl = await mariaDb.createDatabase();
  await run([process.execPath, "src/seed-main.ts", "--users", "1"], {
    folder: join(import.meta.dir, "../.."),
    environment: { DATABASE_URL: databaseUrl, PASSWORD_HASH: HASHES.classic },
  });
  const databases: Databases = {
    versions: {},
    pids: {},
    seeded: async () => databaseUrl,
    refusalOf: () => undefined,
    createRedis: () => redis.createDatabase(),
    forgetSessions: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
  const users = new Users(1);
  const environment = { databases, databaseUrl, users, passwordHash: HASHES.classic, folder };
  return { comparison: cleanup.use(await Comparison.start(peers, environment)), databaseUrl };
}

test.skipIf(!mariaDbAvailable || !redisAvailable)(
  "a reported sign-up without a row, or with another password, counts as wrong",
  async () => {
    await using cleanup = new AsyncDisposableStack();
    const says = spyOn(console, "error").mockImplementation(() => undefined);
    cleanup.defer(() => says.mockRestore());
    const { comparison, databaseUrl } = await startComparison([portico], cleanup);
    const rounds = { tool: lyingTool, count: 2, seconds: 1, warmUpSeconds: 1 };
    const load = { endpoint: "signup", connections: 1 } as const;
    const { contenders } = await comparison.measure(load, rounds, () => undefined);
    // Three were reported and two have rows. One of these two cannot sign in.
    const round = { requests: 3, checked: 5, wrong: 2 };
    expect(contenders).toMatchObject([{ name: "Portico", rounds: [round, round] }]);
    const connection = await createConnection(databaseUrl);
    cleanup.defer(() => connection.end());
    const [left] = await connection.query<RowDataPacket[]>("SELECT username FROM user");
    // The seeded user, and the user of the check at the start.
    expect(left).toHaveLength(2);
    expect(says.mock.calls.join()).toContain("Portico: a new user cannot sign in: Error: 401 ");
  },
);

test.skipIf(!mariaDbAvailable || !redisAvailable)(
  "each round that other machines disturb adds an extra round, up to a limit",
  async () => {
    await using cleanup = new AsyncDisposableStack();
    const { comparison } = await startComparison([barePeer, portico], cleanup);
    const load = { endpoint: "signin", connections: 1 } as const;
    const tool = { ...lyingTool, send: async () => REPORT };
    const stolen = spyOn(usage, "stolenShare");
    cleanup.defer(() => stolen.mockRestore());
    const roundsWith = async (shares: number[], extra: number | undefined) => {
      // Two turns warm up, then each round has two turns.
      stolen
        .mockImplementation(() => 0)
        .mockReturnValueOnce(0.9)
        .mockReturnValueOnce(0.9);
      for (const share of shares) stolen.mockReturnValueOnce(share);
      const rounds = { tool, count: 2, seconds: 1, warmUpSeconds: 1, ...(extra && { extra }) };
      const { contenders } = await comparison.measure(load, rounds, () => undefined);
      return contenders.map(({ rounds }) => rounds.map(({ stolenShare }) => stolenShare));
    };
    // The second round is in reverse order.
    expect(await roundsWith([0, 0.06, 0, 0.04], 2)).toEqual([
      [0, 0.04, 0],
      [0.06, 0, 0],
    ]);
    expect(await roundsWith(Array(20).fill(0.5), 2)).toEqual(Array(2).fill(Array(4).fill(0.5)));
    expect(await roundsWith(Array(20).fill(0.5), undefined)).toEqual(
      Array(2).fill(Array(2).fill(0.5)),
    );
  },
);

test.skipIf(!mariaDbAvailable || !redisAvailable)(
  "a load for Portico only is put on no other, and CPU time needs that of the databases",
  async () => {
    await using cleanup = new AsyncDisposableStack();
    const { comparison } = await startComparison([barePeer, portico], cleanup);
    const tool = { ...lyingTool, send: async () => REPORT };
    const rounds = { tool, count: 1, seconds: 1, warmUpSeconds: 1 };
    const load = { endpoint: "signin", connections: 1 } as const;
    const both = await comparison.measure(load, rounds, () => undefined);
    expect(both.contenders.map(({ name, rounds: [round] }) => [name, round?.cpuSeconds])).toEqual([
      [barePeer.name, { HTTP: expect.any(Number) }],
      // The processes of its databases are not known.
      [portico.name, {}],
    ]);
    const alone = await comparison.measure({ ...load, porticoOnly: true }, rounds, () => undefined);
    expect(alone.contenders.map(({ name }) => name)).toEqual([portico.name]);
  },
);
