import { describe, expect, setDefaultTimeout, test } from "bun:test";
import pino from "pino";
import { RpcError } from "../rpc/error.ts";
import type { Attempt } from "./attempt.ts";
import { Devices, newDeviceKey } from "./device.ts";
import { MAX_LEVELS } from "./failure-levels.ts";
import { Failures } from "./failures.ts";
import { Throttle } from "./throttle.ts";

// What the throttle promises on one server, by a clock that the test moves. What several servers
// promise is in test/throttle-servers.test.ts.

// The limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DEVICES = new Devices(newDeviceKey());

type Outcome = "right" | "wrong" | "unknown" | "refused";

function createThrottle() {
  const clock = { ms: 0 };
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: "info" }, { write: (line) => void lines.push(JSON.parse(line)) });
  const failures = new Failures(undefined, log, () => clock.ms);
  const throttle = new Throttle(failures, DEVICES, log);
  let retryAfterMs = 0;
  return {
    throttle,
    failures,
    lines,
    wait(ms: number) {
      clock.ms += ms;
    },
    get retryAfterMs() {
      return retryAfterMs;
    },
    async signIn(
      username: string,
      address: string,
      outcome: Outcome = "wrong",
      ...deviceIds: string[]
    ): Promise<Outcome> {
      try {
        const attempt = await throttle.signIn(username, from(address, ...deviceIds));
        if (outcome === "unknown") {
          await attempt.unknownUser();
          return "unknown";
        }
        if (!attempt.guess.begin()) throw new Error("another guess is running");
        attempt.guess.end(outcome === "right");
        await attempt.guess.settled();
        return outcome;
      } catch (error) {
        if (!(error instanceof RpcError) || error.status !== "rate_limited") throw error;
        expect(error.processed).toBe(false);
        retryAfterMs = error.retryAfterMs ?? 0;
        expect(retryAfterMs).toBeGreaterThan(0);
        return "refused";
      }
    },
    /** How many wrong passwords are looked at before one is refused. */
    async guesses(username: string, address: string, ...deviceIds: string[]): Promise<number> {
      let looked = 0;
      while (looked < 1_000) {
        if ((await this.signIn(username, address, "wrong", ...deviceIds)) === "refused") break;
        looked++;
      }
      return looked;
    },
  };
}

function from(address: string, ...deviceIds: string[]): Attempt {
  return {
    client: { address, ...(deviceIds.length > 0 && { deviceIds }) },
    actor: { address, device: undefined, caller: "http", requestId: "r1" },
  };
}

/** An address in a network of its own. */
const botAddress = (n: number) => `10.${n >> 8}.${n & 255}.7`;

describe("failed sign-ins", () => {
  test("to one account from one network: 10, then one a minute", async () => {
    const it = createThrottle();
    expect(await it.guesses("grace", "203.0.113.7")).toBe(10);
    expect(it.retryAfterMs).toBe(MINUTE_MS);
    expect(await it.guesses("grace", "203.0.113.8")).toBe(0);
    expect(await it.signIn("ada1", "203.0.113.7")).toBe("wrong");
    expect(await it.signIn("grace", "203.0.114.7")).toBe("wrong");
    it.wait(MINUTE_MS - 1);
    expect(await it.guesses("grace", "203.0.113.7")).toBe(0);
    expect(it.retryAfterMs).toBe(1);
    it.wait(1);
    expect(await it.guesses("grace", "203.0.113.7")).toBe(1);
    it.wait(HOUR_MS);
    expect(await it.guesses("grace", "203.0.113.7")).toBe(10);
  });

  test("a right password is refused as a wrong one is, and says nothing", async () => {
    const it = createThrottle();
    await it.guesses("grace", "203.0.113.7");
    const answers: unknown[] = [];
    for (const outcome of ["right", "wrong", "unknown"] as const) {
      expect(await it.signIn("grace", "203.0.113.7", outcome)).toBe("refused");
      answers.push(it.retryAfterMs);
    }
    expect(new Set(answers).size).toBe(1);
  });

  test("a right password gives no attempt back", async () => {
    const it = createThrottle();
    for (let n = 0; n < 9; n++) await it.signIn("grace", "203.0.113.7");
    for (let n = 0; n < 100; n++) {
      expect(await it.signIn("grace", "203.0.113.7", "right")).toBe("right");
    }
    expect(await it.guesses("grace", "203.0.113.7")).toBe(1);
  });

  test("from one address to many accounts: 50, then 10 a minute", async () => {
    const it = createThrottle();
    for (let n = 0; n < 50; n++) expect(await it.signIn(`user${n}`, "203.0.113.7")).toBe("wrong");
    expect(await it.signIn("user99", "203.0.113.7")).toBe("refused");
    expect(await it.signIn("user99", "203.0.113.8")).toBe("wrong");
    it.wait(MINUTE_MS);
    for (let n = 50; n < 60; n++) expect(await it.signIn(`user${n}`, "203.0.113.7")).toBe("wrong");
    expect(await it.signIn("user99", "203.0.113.7")).toBe("refused");
  });

  test("with invented names charge the address only, and use no memory per name", async () => {
    const it = createThrottle();
    for (let n = 0; n < 50; n++) {
      expect(await it.signIn(`nobody${n}`, "203.0.113.7", "unknown")).toBe("unknown");
    }
    expect(await it.signIn("nobody99", "203.0.113.7", "unknown")).toBe("refused");
    expect(it.failures.size).toBe(1);
    expect(await it.signIn("nobody1", "203.0.113.8")).toBe("wrong");
  });

  test("with invented names from many addresses do not make a server forget accounts", async () => {
    const it = createThrottle();
    expect(await it.guesses("grace", "203.0.113.7")).toBe(10);
    for (let n = 0; n <= MAX_LEVELS; n++) {
      await it.signIn("nobody", `2001:db8:0:${n.toString(16)}::1`, "unknown");
    }
    expect(await it.guesses("grace", "203.0.113.7")).toBe(0);
  });

  test("that run at once are limited, whatever the number of connections", async () => {
    const it = createThrottle();
    const attempts = await Promise.all(
      Array.from({ length: 100 }, () => it.throttle.signIn("nobody", from("203.0.113.7"))),
    );
    const answers = await Promise.allSettled(attempts.map((attempt) => attempt.unknownUser()));
    expect(answers.filter(({ status }) => status === "fulfilled").length).toBe(50);
  });

  test("from this machine, or from an unnamed client, have no limit of the address", async () => {
    const it = createThrottle();
    for (let n = 0; n < 100; n++) expect(await it.signIn(`user${n}`, "127.0.0.1")).toBe("wrong");
    const { actor } = from("10.0.0.1");
    for (let n = 0; n < 100; n++) {
      const { guess } = await it.throttle.signIn(`user${n}`, { actor });
      expect(guess.begin()).toBe(true);
      guess.end(false);
    }
    expect(await it.guesses("grace", "127.0.0.1")).toBe(10);
    for (let n = 0; n < 10; n++) {
      const { guess } = await it.throttle.signIn("ada1", { actor });
      guess.begin();
      guess.end(false);
      await guess.settled();
    }
    expect(await it.signIn("ada1", "10.0.0.99")).toBe("refused");
  });
});

describe("a botnet of 500 addresses", () => {
  test("gets 30 guesses at an account and two for each network, and then the refill", async () => {
    const it = createThrottle();
    const attack = async () => {
      let guesses = 0;
      for (let n = 0; n < 500; n++) guesses += await it.guesses("grace", botAddress(n));
      return guesses;
    };
    // The first three networks use up the 30, with 10 each.
    expect(await attack()).toBe(30 + 497 * 2);
    expect(await attack()).toBe(0);
    it.wait(30_000);
    expect(await attack()).toBe(1);
    let guesses = 0;
    for (let minute = 0; minute < 60; minute++) {
      it.wait(MINUTE_MS);
      guesses += await attack();
    }
    // In an hour: one each 30 s, and two for each network, but for those that have their own.
    expect(guesses).toBeWithin(120 + 490 * 2, 120 + 500 * 2 + 1);
  });

  test("does not lock out the owner, with a known device or without", async () => {
    const it = createThrottle();
    const deviceId = DEVICES.newId("grace");
    for (let hour = 0; hour < 5; hour++) {
      for (let n = 0; n < 500; n++) await it.guesses("grace", botAddress(n));
      const home = "203.0.113.7";
      for (let n = 0; n < 20; n++) {
        expect(await it.signIn("grace", home, "right", deviceId)).toBe("right");
      }
      expect(await it.signIn("grace", home, "wrong")).toBe("wrong");
      expect(await it.signIn("grace", home, "right")).toBe("right");
      expect(await it.signIn("grace", home, "wrong")).toBe("wrong");
      expect(await it.signIn("grace", home, "right")).toBe("refused");
      expect(it.retryAfterMs).toBeLessThanOrEqual(HOUR_MS / 2);
      it.wait(HOUR_MS);
    }
  });
});

describe("a /48 of IPv6", () => {
  const addressIn = (site: string, n: number) => `2001:db8:${site}:${n.toString(16)}::1`;

  test("gets eight guesses at an account whose own are used up, from all its networks", async () => {
    const it = createThrottle();
    let looked = 0;
    for (let n = 0; n < 256; n++) looked += await it.guesses("grace", addressIn("1", n << 8));
    expect(looked).toBe(30 + 8);
    expect(await it.guesses("grace", addressIn("2", 0))).toBe(2);
    expect(it.lines.at(-1)).toMatchObject({ event: "throttle", reason: "reserve" });
    it.wait(HOUR_MS);
    // Other networks of the /48 may use the account's own ones, which were forgotten by then.
    expect(await it.signIn("grace", addressIn("1", 0), "right")).toBe("right");
  });

  test("has failures for many addresses, but not for all of them", async () => {
    const it = createThrottle();
    const unknown = (address: string) => it.signIn("nobody", address, "unknown");
    let looked = 0;
    for (let n = 0; n < 100; n++) {
      while ((await unknown(addressIn("1", n))) === "unknown") looked++;
    }
    expect(looked).toBe(1_000);
    expect(await unknown(addressIn("2", 1))).toBe("unknown");
    await it.throttle.liftAddress(addressIn("1", 999));
    expect(await unknown(addressIn("1", 999))).toBe("unknown");
  });

  test("has 200 sign-ups", async () => {
    const it = createThrottle();
    let signUps = 0;
    for (let n = 0; n < 250; n++) {
      const attempt = it.throttle.signUp(from(addressIn("1", n)));
      if (await attempt.then(({ turn }) => turn.begin()).catch(() => false)) signUps++;
    }
    expect(signUps).toBe(200);
  });
});

describe("a known device", () => {
  test("has 10 failures of its own, which do not count for others; then it is unknown", async () => {
    const it = createThrottle();
    const deviceId = DEVICES.newId("grace");
    for (let n = 0; n < 10; n++) await it.signIn("grace", "203.0.113.7", "wrong", deviceId);
    expect(await it.guesses("grace", "203.0.113.7")).toBe(10);
    expect(await it.signIn("grace", "203.0.113.7", "right", deviceId)).toBe("refused");
    expect(await it.signIn("grace", "203.0.114.7", "right", deviceId)).toBe("right");
    it.wait(HOUR_MS / 10);
    expect(await it.signIn("grace", "203.0.113.7", "right", deviceId)).toBe("right");
  });

  test("has its part of 50 for all devices; then it is unknown, and the owner still gets in", async () => {
    const it = createThrottle();
    let looked = 0;
    for (let n = 0; n < 100; n++) {
      const hoarded = DEVICES.newId("grace");
      while ((await it.signIn("grace", botAddress(0), "wrong", hoarded)) === "wrong") looked++;
    }
    // 10 more as a stranger of this network.
    expect(looked).toBe(60);
    const owners = DEVICES.newId("grace");
    expect(await it.signIn("grace", "203.0.113.7", "right", owners)).toBe("right");
    for (let n = 1; n < 100; n++) await it.guesses("grace", botAddress(n), DEVICES.newId("grace"));
    expect(await it.signIn("grace", "203.0.113.7", "right", owners)).toBe("right");
    it.wait(HOUR_MS);
    expect(await it.guesses("grace", botAddress(200), owners)).toBe(10 + 10);
  });

  test("is not limited by its address", async () => {
    const it = createThrottle();
    for (let n = 0; n < 60; n++) await it.signIn(`user${n}`, "203.0.113.7");
    expect(await it.signIn("grace", "203.0.113.7", "right")).toBe("refused");
    const deviceId = DEVICES.newId("grace");
    expect(await it.signIn("grace", "203.0.113.7", "right", deviceId)).toBe("right");
  });

  test("of another user, or invented, is unknown", async () => {
    const it = createThrottle();
    await it.guesses("grace", "203.0.113.7");
    for (const deviceId of [DEVICES.newId("ada1"), "x", new Devices("key").newId("grace")]) {
      expect(await it.signIn("grace", "203.0.113.7", "right", deviceId)).toBe("refused");
    }
  });

  test("is known by the first of its ids that is valid for the user and not used up", async () => {
    const it = createThrottle();
    await it.guesses("grace", "203.0.113.7");
    const planted = ["x", new Devices("key").newId("grace"), DEVICES.newId("ada1")];
    const [first, second] = [DEVICES.newId("grace"), DEVICES.newId("grace")];
    const ids = [...planted, first, second];
    const signIn = (...deviceIds: string[]) =>
      it.signIn("grace", "203.0.113.7", "right", ...deviceIds);
    expect(await signIn(...planted)).toBe("refused");
    expect(await signIn(...ids)).toBe("right");
    expect(await it.guesses("grace", "203.0.113.7", first)).toBe(10);
    expect(await signIn(first)).toBe("refused");
    expect(await signIn(...ids)).toBe("right");
    // Several ids give no more guesses together than one after another.
    expect(await it.guesses("grace", "203.0.113.7", ...ids)).toBe(10);
    expect(await signIn(...ids)).toBe("refused");
  });

  test("gets an id only if it has none that counts", async () => {
    const it = createThrottle();
    const newIdOf = async (...deviceIds: string[]) =>
      (await it.throttle.signIn("grace", from("203.0.113.7", ...deviceIds))).newDeviceId();
    const deviceId = (await newIdOf()) ?? "";
    expect(DEVICES.nonceOf("grace", deviceId)).toBeString();
    expect(await newIdOf(deviceId)).toBeUndefined();
    expect(await newIdOf("x", deviceId)).toBeUndefined();
    expect(await newIdOf(DEVICES.newId("ada1"))).toBeString();
    for (let n = 0; n < 10; n++) await it.signIn("grace", "203.0.113.7", "wrong", deviceId);
    expect(await newIdOf(deviceId)).toBeString();
  });
});

describe("passwords that run at once", () => {
  test("are at most three for an account, and as many as there are attempts left", async () => {
    const it = createThrottle();
    const begin = async (address: string, username = "grace") => {
      const { guess } = await it.throttle.signIn(username, from(address));
      return { guess, isRunning: guess.begin() };
    };
    const running = await Promise.all([1, 2, 3, 4].map((n) => begin(botAddress(n))));
    expect(running.map(({ isRunning }) => isRunning)).toEqual([true, true, true, false]);
    running[0]?.guess.end(true);
    expect(running[3]?.guess.begin()).toBe(true);
    for (const n of [1, 2, 3]) running[n]?.guess.end(n === 3 ? undefined : true);
    for (let n = 0; n < 9; n++) await it.signIn("ada1", "203.0.113.7");
    const [first, second] = [
      await begin("203.0.113.7", "ada1"),
      await begin("203.0.113.7", "ada1"),
    ];
    expect([first.isRunning, second.isRunning]).toEqual([true, false]);
    first.guess.end(false);
    expect(() => second.guess.begin()).toThrow(
      "Too many attempts: the next one is allowed in 60 s",
    );
  });

  test("are at most eight for an address", async () => {
    const it = createThrottle();
    const begun: boolean[] = [];
    for (let n = 0; n < 9; n++) {
      begun.push((await it.throttle.signIn(`user${n}`, from("203.0.113.7"))).guess.begin());
    }
    expect(begun.filter(Boolean).length).toBe(8);
    const { guess } = await it.throttle.signIn("grace", from("203.0.114.7"));
    expect(guess.begin()).toBe(true);
  });
});

describe("the turn of a hash", () => {
  test("comes after others while the address has failures, unless the device is known", async () => {
    const it = createThrottle();
    const deviceId = DEVICES.newId("grace");
    const hasFailed = async (address: string, ...deviceIds: string[]) =>
      (await it.throttle.signIn("grace", from(address, ...deviceIds))).guess.hasFailed;
    expect(await hasFailed("203.0.113.7")).toBe(false);
    await it.signIn("nobody", "203.0.113.7", "unknown");
    expect(await hasFailed("203.0.113.7")).toBe(true);
    expect(await hasFailed("203.0.113.7", deviceId)).toBe(false);
    expect(await hasFailed("203.0.113.8")).toBe(false);
    it.wait(MINUTE_MS);
    expect(await hasFailed("203.0.113.7")).toBe(false);
  });
});

describe("sign-ups", () => {
  const signUp = async (throttle: Throttle, address: string) => {
    const { turn } = await throttle.signUp(from(address));
    turn.begin();
  };

  test("of an address: 10, then 10 an hour; of this machine: unlimited", async () => {
    const it = createThrottle();
    for (let n = 0; n < 10; n++) await signUp(it.throttle, "203.0.113.7");
    const error = await signUp(it.throttle, "203.0.113.7").catch((error: unknown) => error);
    expect(error).toMatchObject({ status: "rate_limited", retryAfterMs: HOUR_MS / 10 });
    await signUp(it.throttle, "203.0.113.8");
    it.wait(HOUR_MS);
    for (let n = 0; n < 10; n++) await signUp(it.throttle, "203.0.113.7");
    expect(signUp(it.throttle, "203.0.113.7")).rejects.toThrow(RpcError);
    for (let n = 0; n < 100; n++) await signUp(it.throttle, "::1");
  });

  test("that run at once do not pass the limit", async () => {
    const it = createThrottle();
    const all = await Promise.all(
      Array.from({ length: 30 }, () => it.throttle.signUp(from("203.0.113.7"))),
    );
    const begun = all.filter(({ turn }) => {
      try {
        return turn.begin();
      } catch {
        return false;
      }
    });
    expect(begun.length).toBe(10);
  });

  test("with taken names charge the address as failed sign-ins do", async () => {
    const it = createThrottle();
    for (let n = 0; n < 50; n++) await (await it.throttle.signUp(from("203.0.113.7"))).taken();
    expect(it.throttle.signUp(from("203.0.113.7"))).rejects.toThrow(RpcError);
    expect(await it.signIn("grace", "203.0.113.7")).toBe("refused");
  });
});

describe("a password that a session is asked for again", () => {
  test("has 10 failures per session, and no effect on sign-ins", async () => {
    const it = createThrottle();
    const confirm = async (session: string, isRight = false) => {
      const guess = await it.throttle.confirm("grace", session, from("203.0.113.7"));
      expect(guess.begin()).toBe(true);
      guess.end(isRight);
    };
    for (let n = 0; n < 10; n++) await confirm("stolen");
    const error = await confirm("stolen", true).catch((error: unknown) => error);
    expect(error).toMatchObject({ status: "rate_limited", retryAfterMs: HOUR_MS / 10 });
    await confirm("another", true);
    expect(await it.guesses("grace", "203.0.113.7")).toBe(10);
    it.wait(HOUR_MS / 10);
    await confirm("stolen", true);
  });
});

describe("lift()", () => {
  test("frees the account, in all networks and for all devices, but no address", async () => {
    const it = createThrottle();
    const deviceId = DEVICES.newId("grace");
    for (let n = 0; n < 20; n++) await it.guesses("grace", botAddress(n));
    await it.guesses("gracie", "203.0.113.7");
    await it.throttle.lift("grace");
    expect(await it.guesses("grace", botAddress(1), deviceId)).toBe(20);
    expect(await it.signIn("gracie", "203.0.113.7")).toBe("refused");
  });
});

describe("the log", () => {
  test("gets one line when a block begins, with the account or the address", async () => {
    const it = createThrottle();
    await it.guesses("grace", "203.0.113.7");
    for (let n = 0; n < 5; n++) {
      it.wait(MINUTE_MS);
      await it.guesses("grace", "203.0.113.7");
    }
    const line = {
      ...{ event: "throttle", outcome: "failure", msg: "audit", requestId: "r1", caller: "http" },
      address: "203.0.113.7",
    };
    expect(it.lines).toEqual([
      expect.objectContaining({ ...line, reason: "network", username: "grace" }),
    ]);
    for (let n = 0; n < 60; n++) await it.signIn(`nobody${n}`, "203.0.113.7", "unknown");
    expect(it.lines[1]).toMatchObject({ ...line, reason: "address" });
    expect(it.lines[1]).not.toHaveProperty("username");
    it.wait(24 * HOUR_MS);
    await it.guesses("grace", "203.0.113.7");
    expect(it.lines.length).toBe(3);
  });
});
