import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { DEFAULT_POOL_LIMITS, type PoolLimits } from "../limits.ts";
import { FakeDns, Fleet, NAME } from "../testing/fleet.ts";
import { eventually, failure, SAY } from "../testing/stack.ts";
import { Balancer } from "./balancer.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const [ONE, TWO, THREE] = ["127.0.0.2", "127.0.0.3", "127.0.0.4"] as const;
const LONG_MS = 50_000;
const NEVER_MS = 10 ** 7;
const READ = { ...SAY, idempotent: true };

/** A client of a host name that DNS resolves to the whole fleet. */
class Client implements Disposable {
  readonly balancer: Balancer;

  constructor(dns: FakeDns, port: number, limits: Partial<PoolLimits> = {}, hosts = [NAME]) {
    const addresses = hosts.map((host) => ({ host, port }));
    const { resolve } = dns;
    const poolLimits = { ...DEFAULT_POOL_LIMITS, minIdle: 1, ...limits };
    this.balancer = new Balancer(addresses, poolLimits, { resolve });
  }

  async say(text: string): Promise<string> {
    return (await this.balancer.call(READ, { text }, { timeoutMs: LONG_MS })).text;
  }

  async sayOneByOne(count: number): Promise<void> {
    for (let n = 0; n < count; n++) expect(await this.say(String(n))).toBe(String(n));
  }

  [Symbol.dispose](): void {
    this.balancer.close();
  }
}

const served = (fleet: Fleet, ...hosts: string[]) =>
  hosts.map((host) => fleet.at(host).served.length);

describe.concurrent("a host name", () => {
  test("stands for every address that DNS has for it", async () => {
    await using fleet = new Fleet(ONE, TWO, THREE);
    using client = new Client(fleet.dns, fleet.port);
    await fleet.areConnected(); // Without a call.
    await client.sayOneByOne(60);
    expect(Math.min(...served(fleet, ONE, TWO, THREE))).toBeGreaterThan(0);
  });

  test("serves the first call, before DNS has answered", async () => {
    await using fleet = new Fleet(ONE, TWO);
    using client = new Client(fleet.dns, fleet.port);
    expect(await client.say("first")).toBe("first");
  });

  test("has one pool for an address that DNS gives twice, or for two names", async () => {
    await using fleet = new Fleet(ONE);
    fleet.announce(ONE, ONE);
    using client = new Client(fleet.dns, fleet.port, {}, [NAME, "others.test"]);
    await client.sayOneByOne(5);
    await eventually(() => fleet.dns.asked.length >= 2);
    await Bun.sleep(300); // A tick, in which another pool would open its own connection.
    expect(fleet.at(ONE).listener.connections).toBe(1);
    const names = fleet.dns.asked.map(({ host }) => host);
    expect([...new Set(names)].sort()).toEqual(["others.test", NAME]);
  });

  test("is looked up again every dnsRefreshMs", async () => {
    await using fleet = new Fleet(ONE);
    const startedAt = performance.now();
    using _client = new Client(fleet.dns, fleet.port, { dnsRefreshMs: 300 });
    await Bun.sleep(1500);
    const most = 2 + (performance.now() - startedAt) / 300;
    expect(fleet.dns.asked.length).toBeGreaterThan(2);
    expect(fleet.dns.asked.length).toBeLessThanOrEqual(most);
  });

  test("is not looked up again before dnsRefreshMs if nothing fails", async () => {
    await using fleet = new Fleet(ONE);
    using client = new Client(fleet.dns, fleet.port, { dnsRefreshMs: NEVER_MS });
    await client.sayOneByOne(5);
    const asked = fleet.dns.asked.length; // Once, or twice if connecting to the name failed.
    await Bun.sleep(1500);
    expect(fleet.dns.asked).toHaveLength(asked);
  });

  test("gives a new address its share of calls as soon as DNS has it", async () => {
    await using fleet = new Fleet(ONE);
    using client = new Client(fleet.dns, fleet.port, { dnsRefreshMs: 300 });
    await client.sayOneByOne(10);
    const added = fleet.start(TWO);
    fleet.announce(ONE, TWO);
    await eventually(() => added.listener.connections > 0);
    await client.sayOneByOne(60);
    expect(added.served.length).toBeGreaterThan(0);
  });

  test("finishes the calls of an address that DNS drops, and closes its connections", async () => {
    await using fleet = new Fleet(ONE, TWO);
    using client = new Client(fleet.dns, fleet.port, { dnsRefreshMs: 300 });
    await fleet.areConnected();
    const calls: Promise<string>[] = [];
    const gone = fleet.at(TWO);
    while (gone.served.length === 0) {
      calls.push(client.say(`slow ${calls.length}`));
      await Bun.sleep(5);
    }
    const asked = fleet.dns.asked.length;
    fleet.announce(ONE);
    await eventually(() => fleet.dns.asked.length > asked);
    await Bun.sleep(600); // Ticks, in which its idle connections are closed.
    const before = gone.served.length;
    await client.sayOneByOne(30);
    expect(gone.served).toHaveLength(before);
    expect(gone.listener.connections).toBe(1);
    expect(gone.gate.aborted).toEqual([]);
    for (const host of [ONE, TWO]) await fleet.at(host).gate.letGo(...fleet.at(host).gate.started);
    expect(await Promise.all(calls)).toEqual(calls.map((_, n) => `slow ${n}`));
    await eventually(() => gone.listener.connections === 0);
  });
});

describe.concurrent("a lost server", () => {
  test("is looked up at once: DNS may know its new address", async () => {
    await using fleet = new Fleet(ONE);
    using client = new Client(fleet.dns, fleet.port, { dnsRefreshMs: NEVER_MS });
    await client.sayOneByOne(5);
    await Bun.sleep(1100); // Longer than the minimum between two look-ups.
    fleet.start(TWO);
    fleet.announce(TWO);
    const asked = fleet.dns.asked.length;
    await fleet.at(ONE).listener.close(0);
    await eventually(() => fleet.dns.asked.length > asked);
    await client.sayOneByOne(5);
    expect(served(fleet, TWO)).toEqual([5]);
  });

  test("is looked up at most about once a second, however often it fails", async () => {
    const dns = new FakeDns(ONE);
    const startedAt = performance.now();
    const limits = { dnsRefreshMs: NEVER_MS, minBackoffMs: 20, maxBackoffMs: 40 };
    await using fleet = new Fleet(TWO); // Nothing listens on its port at ONE.
    using client = new Client(dns, fleet.port, limits);
    const endsAt = startedAt + 2100;
    while (performance.now() < endsAt) await Promise.allSettled([client.say("a"), Bun.sleep(10)]);
    expect(dns.asked.length).toBeGreaterThan(1);
    expect(dns.asked.length).toBeLessThanOrEqual(2 + (performance.now() - startedAt) / 1000);
  });

  test("that DNS has dropped keeps no call after close()", async () => {
    await using fleet = new Fleet(TWO); // Nothing listens on its port at ONE.
    fleet.announce(ONE);
    const limits = { dnsRefreshMs: 200, minBackoffMs: 6000, maxBackoffMs: 6000 };
    using client = new Client(fleet.dns, fleet.port, limits);
    await Bun.sleep(500); // It was tried, and its backoff runs.
    const request = { text: "waiting" };
    const call = client.balancer.call(SAY, request, { timeoutMs: 1500 });
    fleet.announce(THREE); // It is dead too.
    const asked = fleet.dns.asked.length;
    await eventually(() => fleet.dns.asked.length > asked + 1);
    await Bun.sleep(300);
    client.balancer.close();
    expect(await failure(call)).toMatchObject({ status: "unavailable", processed: false });
  });
});

describe.concurrent("a DNS server that", () => {
  test.each<[string, FakeDns["answer"]]>([
    ["fails", () => Promise.reject(new Error("SERVFAIL"))],
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    ["answers nothing", () => []],
  ])("%s changes nothing", async (_, answer) => {
    await using fleet = new Fleet(ONE, TWO);
    using client = new Client(fleet.dns, fleet.port, { dnsRefreshMs: 300 });
    await fleet.areConnected();
    const connections = () => [ONE, TWO].map((host) => fleet.at(host).listener.connections);
    const before = connections();
    fleet.dns.answer = answer;
    const asked = fleet.dns.asked.length;
    await eventually(() => fleet.dns.asked.length > asked + 1);
    await client.sayOneByOne(40);
    expect(Math.min(...served(fleet, ONE, TWO))).toBeGreaterThan(0);
    expect(connections()).toEqual(before);
    // Its next good answer counts again.
    fleet.start(THREE);
    fleet.announce(THREE);
    await eventually(() => connections().every((count) => count === 0));
    expect(await client.say("a")).toBe("a");
  });

  test("answers after the client is closed opens nothing", async () => {
    const late = Promise.withResolvers<readonly string[]>();
    await using fleet = new Fleet(ONE);
    fleet.dns.answer = () => late.promise;
    const client = new Client(fleet.dns, fleet.port, { dnsRefreshMs: 300 });
    await eventually(() => fleet.dns.asked.length > 0);
    client.balancer.close();
    late.resolve([ONE]);
    await Bun.sleep(700);
    expect(fleet.at(ONE).listener.connections).toBe(0);
    expect(fleet.dns.asked).toHaveLength(1);
  });

  test("is never asked for an IP address", async () => {
    await using fleet = new Fleet(ONE, TWO);
    const limits = { dnsRefreshMs: 300, minBackoffMs: 20, maxBackoffMs: 20 };
    using client = new Client(fleet.dns, fleet.port, limits, [ONE, TWO, "::1"]);
    await client.sayOneByOne(20);
    await fleet.at(ONE).listener.close(0);
    await Bun.sleep(1100);
    await client.sayOneByOne(5);
    expect(fleet.dns.asked).toEqual([]);
  });
});
