import { expect, test } from "bun:test";
import { classicPasswords, Passwords, type PasswordTurn } from "./password.ts";

const ARGON2ID = { name: "argon2id", memoryKib: 64, passes: 1, lanes: 1 } as const;
const CLASSIC = { name: "salted-md5" } as const;
const PATIENT = { deadline: Number.POSITIVE_INFINITY, signal: new AbortController().signal };

/** A turn that writes down what happens, and whose consequences take a while. */
function recordingTurn(canBegin = () => true) {
  const events: string[] = [];
  const turn: PasswordTurn = {
    address: "203.0.113.7",
    begin() {
      const isAllowed = canBegin();
      events.push(isAllowed ? "begin" : "wait");
      return isAllowed;
    },
    end: (isRight) => void events.push(`end ${isRight}`),
    async settled() {
      await Bun.sleep(20);
      events.push("settled");
    },
  };
  return { turn, events };
}

const argon2id = new Passwords(ARGON2ID);
const stored = {
  argon2id: await argon2id.hash("hopper1906", PATIENT),
  classic: classicPasswords("hopper1906")(),
};

test.each(["argon2id", "classic"] as const)(
  "a check of %s tells its turn how it ended",
  async (scheme) => {
    const right = recordingTurn();
    expect(await argon2id.verify("hopper1906", stored[scheme], PATIENT, right.turn)).toBe(true);
    expect(right.events).toEqual(["begin", "end true"]);
    const wrong = recordingTurn();
    expect(await argon2id.verify("hopper1907", stored[scheme], PATIENT, wrong.turn)).toBe(false);
    expect(wrong.events).toEqual(["begin", "end false", "settled"]);
  },
);

test.each(["argon2id", "classic"] as const)(
  "a check of %s that is refused does not begin",
  async (scheme) => {
    const refusal = new Error("a test refuses this");
    const { turn, events } = recordingTurn(() => {
      throw refusal;
    });
    const check = argon2id.verify("hopper1906", stored[scheme], PATIENT, turn);
    expect(await check.catch((error: unknown) => error)).toBe(refusal);
    expect(events).toEqual([]);
  },
);

test("a check that fails ends its turn, so that others can begin", async () => {
  const { turn, events } = recordingTurn();
  const broken = { password: "$argon2id$v=19$m=64,t=1,p=1$broken", salt: "" };
  expect(argon2id.verify("hopper1906", broken, PATIENT, turn)).rejects.toThrow();
  await Bun.sleep(50);
  expect(events.filter((event) => event.startsWith("end")).length).toBe(
    events.filter((event) => event === "begin").length,
  );
  expect(events).not.toContain("settled");
});

test("a classic check that may not begin yet waits in the queue", async () => {
  let count = 0;
  const { turn, events } = recordingTurn(() => ++count > 2);
  const check = argon2id.verify("hopper1906", stored.classic, PATIENT, turn);
  await Bun.sleep(5);
  expect(events).toEqual(["wait", "wait"]);
  // The next hash that ends looks again.
  await argon2id.hash("another", PATIENT);
  expect(await check).toBe(true);
  expect(events).toEqual(["wait", "wait", "begin", "end true"]);
});

test("a hash asks its turn, too", async () => {
  for (const passwords of [argon2id, new Passwords(CLASSIC)]) {
    const { turn, events } = recordingTurn();
    await passwords.hash("hopper1906", PATIENT, turn);
    expect(events).toEqual(["begin"]);
  }
});
