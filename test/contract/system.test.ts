import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { AdminContract } from "../../schema/admin.ts";
import { SystemContract } from "../../schema/system.ts";
import * as schema from "../../schema/user.ts";
import * as emittedAdmin from "../../src/gen/admin.ts";
import * as emittedSystem from "../../src/gen/system.ts";
import * as emittedUser from "../../src/gen/user.ts";
import { Balancer } from "../../src/rpc/client/balancer.ts";
import { freeze } from "../freeze.ts";
import { available as hasMariaDb, startMariaDb } from "../mariadb.ts";
import { available as hasRedis, startRedis } from "../redis.ts";
import { type Stack, startStack } from "../stack.ts";
import { describePairs, sharedStack } from "./pairs.ts";

// The shared servers may start within the first test, and the machine be slow.
setDefaultTimeout(90_000);

const GRACE = { username: "grace", password: "hopper1906" };

/** Clients of both contracts on one connection of their own. */
class Clients implements Disposable {
  readonly #balancer: Balancer;
  readonly system: emittedSystem.SystemClient;
  readonly user: emittedUser.UserClient;

  constructor(stack: Stack) {
    this.#balancer = new Balancer([{ host: "127.0.0.1", port: stack.rpcPort }]);
    this.system = new emittedSystem.SystemClient(this.#balancer);
    this.user = new emittedUser.UserClient(this.#balancer);
  }

  [Symbol.dispose](): void {
    this.#balancer.close();
  }
}

describePairs("the system contract", (pair) => {
  const shared = sharedStack(pair);

  test("health says that the server and both stores are up, and how long each check took", async () => {
    using clients = new Clients(shared.stack);
    const latencyMs = expect.any(Number);
    const [users, sessions] = pair.name === "embedded" ? ["SQLite", "SQLite"] : ["MySQL", "Redis"];
    const health = await clients.system.health({});
    expect(health).toEqual({
      server: { name: "Portico", state: "up", latencyMs },
      users: { name: users, state: "up", latencyMs },
      sessions: { name: sessions, state: "up", latencyMs },
    });
    for (const part of Object.values(health)) expect(part.latencyMs).toBeGreaterThanOrEqual(0);
  });

  test("describe lists every method with its number, hash, errors, callers and JSON Schemas", async () => {
    using clients = new Clients(shared.stack);
    const { services } = await clients.system.describe({});
    expect(services.map(({ service }) => service)).toEqual(["User", "Admin", "System"]);
    const emitted = [emittedUser, emittedAdmin, emittedSystem].flatMap((file) =>
      Object.values(file).flatMap((each) => ("hash" in each ? [each] : [])),
    );
    const contracts = [schema.UserContract, AdminContract, SystemContract];
    for (const [index, { methods, callers }] of contracts.entries()) {
      // As the schema has it, and as JSON: what only TypeBox reads is not sent.
      const declared = Object.entries(methods).map(([name, method]) => {
        const hash = emitted.find(({ number }) => number === method.number)?.hash;
        return { name, idempotent: false, hash, callers, ...method };
      });
      expect(services[index]?.methods).toEqual(JSON.parse(JSON.stringify(declared)));
    }
    const signUp = services[0]?.methods.find(({ name }) => name === "signUp");
    expect(signUp?.request).toMatchObject({
      type: "object",
      required: ["username", "password"],
      properties: { username: { type: "string" } },
    });
  });

  test("stats count calls, errors, connections and what is in flight", async () => {
    using clients = new Clients(shared.stack);
    const before = await clients.system.stats({});
    const asking = { method: "System.stats", calls: 0, inFlight: 1, errors: {}, latencyMs: null };
    expect(before.methods).toContainEqual(asking);
    await clients.user.signUp(GRACE);
    for (let n = 0; n < 3; n++) {
      const wrong = { ...GRACE, password: "wrong" };
      await expect(clients.user.signIn(wrong)).rejects.toThrow("PasswordError");
    }
    await clients.user.signIn(GRACE);
    const after = await clients.system.stats({});

    expect(after.uptimeMs).toBeGreaterThan(before.uptimeMs);
    expect(after.openConnections).toBeGreaterThanOrEqual(1);
    const quantiles = { p50: expect.any(Number), p90: expect.any(Number), p99: expect.any(Number) };
    const of = (name: string) => after.methods.find(({ method }) => method === name);
    const ended = { calls: 1, inFlight: 0, errors: {}, latencyMs: quantiles };
    expect(of("User.signUp")).toEqual({ method: "User.signUp", ...ended });
    expect(of("User.signIn")).toMatchObject({ calls: 4, errors: { PasswordError: 3 } });
    expect(of("System.stats")).toMatchObject({ calls: 1, inFlight: 1 });
    expect(of("User.signOut")).toBeUndefined();
    const { p50 = 0, p90 = 0, p99 = 0 } = of("User.signIn")?.latencyMs ?? {};
    expect(p50).toBeGreaterThan(0);
    expect(p90).toBeGreaterThanOrEqual(p50);
    expect(p99).toBeGreaterThanOrEqual(p90);
  });
});

// Each on databases of its own, so that they wait for their time-outs at the same time.
describe.concurrent.skipIf(!hasMariaDb || !hasRedis)("health", () => {
  test.each([
    { database: "MySQL", part: "users", other: "sessions", fault: "killed" },
    { database: "MySQL", part: "users", other: "sessions", fault: "hanging" },
    { database: "Redis", part: "sessions", other: "users", fault: "killed" },
    { database: "Redis", part: "sessions", other: "users", fault: "hanging" },
  ] as const)("tells that a $fault $database is down, and when it is back", async (row) => {
    const { part, other, fault } = row;
    await using mariadb = await startMariaDb();
    await using redis = await startRedis();
    await using stack = await startStack({
      DATABASE_URL: await mariadb.createDatabase(),
      REDIS_URL: await redis.createDatabase(),
    });
    using clients = new Clients(stack);
    const victim = part === "users" ? mariadb : redis;

    if (fault === "killed") await victim.kill();
    else await freeze(victim.pid);
    // The second time no connection is left from before. Both answer before the call's deadline.
    for (let round = 0; round < 2; round++) {
      const health = await clients.system.health({});
      expect(health[part].state).toBe("down");
      expect(health[other].state).toBe("up");
      expect(health.server.state).toBe("up");
    }
    if (fault === "killed") await victim.restart();
    else process.kill(victim.pid, "SIGCONT");

    const endsAtMs = performance.now() + 30_000;
    while ((await clients.system.health({}))[part].state === "down") {
      if (performance.now() > endsAtMs) throw new Error("Cannot see that it is back");
      await Bun.sleep(50);
    }
  });
});
