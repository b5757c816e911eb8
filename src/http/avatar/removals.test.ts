import { describe, expect, jest, setDefaultTimeout, test } from "bun:test";
import { DomainError, RpcError } from "../../rpc/error.ts";
import { eventually } from "../../rpc/testing/stack.ts";
import { AvatarRemovals, type RemovalTimes } from "./removals.ts";
import { type AvatarStore, newPictureName } from "./store.ts";

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const SHORT: RemovalTimes = { graceMs: 50, retryMs: 10 };
/** Longer than any test: what happens all the same does not wait for it. */
const LONG: RemovalTimes = { graceMs: 600_000, retryMs: 600_000 };

const [OLD, NEW, NEWER] = [newPictureName(), newPictureName(), newPictureName()];
const LEFT_BEHIND =
  "warn a picture that may be unused is left behind: its profile does not tell " +
  JSON.stringify({ requestId: "request", profilePath: NEW });
const UPLOAD = { requestId: "request", sessionId: "secret session", replaced: OLD, by: NEW };

interface Setup {
  /** undefined for those of production. */
  readonly times?: RemovalTimes | undefined;
  /** What the profile points to, by the time it is asked for. */
  readonly current?: () => string;
  /** What the store does before it removes. */
  readonly beforeRemove?: () => Promise<void>;
}

/** The removals of a store that knows only names. */
function setUp(setup: Setup = {}) {
  const { times, current = () => NEW, beforeRemove } = { times: SHORT, ...setup };
  const removed: string[] = [];
  const logged: string[] = [];
  const avatars: AvatarStore = {
    save: async () => undefined,
    find: async () => undefined,
    async remove(name) {
      await beforeRemove?.();
      removed.push(name);
    },
  };
  const record = (level: string) => (fields: object, event?: string) => {
    logged.push(`${level} ${event} ${JSON.stringify(fields)}`);
  };
  const [debug, info, warn, error] = ["debug", "info", "warn", "error"].map(record);
  if (!debug || !info || !warn || !error) throw new Error("A level is missing");
  const log = { debug, info, warn, error, isLevelEnabled: () => true };
  const user = {
    getUserInfo: async () => ({ username: "grace", nickname: "grace", profilePath: current() }),
  };
  return { removals: new AvatarRemovals(avatars, user, log, times), removed, logged };
}

describe("a picture that an upload has replaced", () => {
  test("is removed after the grace, and not before", async () => {
    const { removals, removed } = setUp();
    const startedAt = performance.now();
    removals.replaced(UPLOAD);
    await eventually(() => removed.length > 0);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(SHORT.graceMs - 1);
    await Bun.sleep(2 * SHORT.graceMs); // Time for another that must not come.
    expect(removed).toEqual([OLD]);
  });

  test("waits for a minute, unless it is told otherwise", async () => {
    const { removals, removed } = setUp({ times: undefined });
    jest.useFakeTimers();
    try {
      removals.replaced(UPLOAD);
      jest.advanceTimersByTime(59_999);
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
      expect(removed).toEqual([]);
      jest.advanceTimersByTime(1);
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
      expect(removed).toEqual([OLD]);
    } finally {
      jest.useRealTimers();
    }
  });

  test.each(["default.webp", "a.webp", "../x.webp", "", `../${OLD}`, `${OLD}.webp`])(
    "stays where it is %p, which no upload has saved",
    async (replaced) => {
      const { removals, removed, logged } = setUp();
      removals.replaced({ ...UPLOAD, replaced });
      await removals.close(1000);
      expect([removed, logged]).toEqual([[], []]);
    },
  );

  test("stays where the profile points to it again", async () => {
    const { removals, removed } = setUp({ current: () => OLD });
    removals.replaced(UPLOAD);
    await eventually(() => removed.length > 0);
    await removals.close(1000);
    expect(removed).toEqual([NEW]);
  });

  test("is removed though the session has ended, since no other upload can set it", async () => {
    const current = () => {
      throw new DomainError("InvalidSessionError");
    };
    const { removals, removed } = setUp({ current });
    removals.replaced(UPLOAD);
    await eventually(() => removed.length > 0);
    expect(removed).toEqual([OLD]);
  });

  test("by one of two at once is removed by the one that it replaced", async () => {
    const { removals, removed } = setUp({ current: () => NEWER });
    removals.replaced(UPLOAD);
    removals.replaced({ ...UPLOAD, by: NEWER });
    await eventually(() => removed.includes(NEW));
    expect(removed).toContain(OLD);
    await removals.close(1000);
    expect(removed).not.toContain(NEWER);
  });
});

describe("a picture that was saved in vain", () => {
  test("is removed at once, and again after the grace, as a slow store may save it late", async () => {
    const times = { ...SHORT, graceMs: 500 };
    const { removals, removed } = setUp({ times, beforeRemove: () => Bun.sleep(20) });
    await removals.unused(NEW, "request");
    expect(removed).toEqual([NEW]);
    await eventually(() => removed.length > 1);
    expect(removed).toEqual([NEW, NEW]);
  });
});

describe("a picture that may have been saved in vain", () => {
  test.each([
    ["stays where the profile points to it, and what it replaced goes", NEW, [OLD]],
    ["goes where the profile points to the one before", OLD, [NEW]],
    ["goes where the profile points to a newer one, and so does the one before", NEWER, [OLD, NEW]],
  ])("%s, after the grace", async (_, current, gone) => {
    const { removals, removed, logged } = setUp({ current: () => current });
    const startedAt = performance.now();
    removals.undecided(UPLOAD);
    await eventually(() => removed.length === gone.length);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(SHORT.graceMs - 1);
    await Bun.sleep(3 * SHORT.graceMs); // Time for another that must not come.
    expect([removed, logged]).toEqual([gone, []]);
  });

  test("stays, with what it may have replaced, where the session has ended", async () => {
    const current = () => {
      throw new DomainError("InvalidSessionError");
    };
    const { removals, removed, logged } = setUp({ current });
    removals.undecided(UPLOAD);
    await eventually(() => logged.length > 0);
    await Bun.sleep(3 * SHORT.graceMs); // Time for a removal that must not come.
    expect([removed, logged]).toEqual([[], [LEFT_BEHIND]]);
  });

  test("stays until the profile can be read", async () => {
    let asked = 0;
    const current = () => {
      if (++asked < 3) throw new RpcError("unavailable", "No TCP server");
      return NEW;
    };
    const { removals, removed, logged } = setUp({ current });
    removals.undecided(UPLOAD);
    await eventually(() => removed.length > 0);
    expect([asked, removed, logged.length]).toEqual([3, [OLD], 2]);
    expect(logged[0]).toStartWith("warn cannot remove a picture that may be unused: trying again");
  });

  test.each(["before", "after"])("is left behind where it ends %s close()", async (when) => {
    const { removals, removed, logged } = setUp({ times: LONG, current: () => OLD });
    if (when === "before") removals.undecided(UPLOAD);
    await removals.close(30_000);
    if (when === "after") removals.undecided(UPLOAD);
    expect([removed, logged]).toEqual([[], [LEFT_BEHIND]]);
  });
});

describe("a removal that fails", () => {
  const failing = (failures: number) => async () => {
    if (failures-- > 0) throw new RpcError("unavailable", "Cannot remove picture: S3 is away");
  };

  test("is logged and tried again", async () => {
    const { removals, removed, logged } = setUp({ beforeRemove: failing(3) });
    removals.replaced(UPLOAD);
    await eventually(() => removed.length > 0);
    expect(logged).toHaveLength(3);
    for (const line of logged) {
      expect(line).toStartWith("warn cannot remove a picture that nobody uses: trying again later");
      expect(line).toContain(OLD);
      expect(line).not.toContain(UPLOAD.sessionId);
    }
  });

  test("is given up after the fifth time, and says what is left behind", async () => {
    const { removals, removed, logged } = setUp({ beforeRemove: failing(100) });
    removals.replaced(UPLOAD);
    await eventually(() => logged.length === 5);
    expect(logged[4]).toStartWith("error cannot remove a picture that nobody uses: it is left");
    expect(logged[4]).toContain(OLD);
    await Bun.sleep(20 * SHORT.retryMs);
    expect([removed, logged.length]).toEqual([[], 5]);
  });

  test("as the profile cannot be read is tried again", async () => {
    let asked = 0;
    const current = () => {
      if (++asked < 3) throw new RpcError("unavailable", "No TCP server");
      return NEW;
    };
    const { removals, removed, logged } = setUp({ current });
    removals.replaced(UPLOAD);
    await eventually(() => removed.length > 0);
    expect([asked, logged.length]).toEqual([3, 2]);
  });
});

describe("close()", () => {
  test("carries out at once all that waits", async () => {
    const { removals, removed } = setUp({ times: LONG, current: () => NEWER });
    removals.replaced(UPLOAD);
    removals.replaced({ ...UPLOAD, replaced: NEW, by: NEWER });
    await removals.close(30_000);
    expect(removed.toSorted()).toEqual([OLD, NEW, NEW].toSorted());
    await removals.close(30_000);
    expect(removed).toHaveLength(3);
  });

  test("waits for what is under way, but not beyond its grace", async () => {
    const { promise: forever } = Promise.withResolvers<void>();
    const { removals, removed, logged } = setUp({ times: LONG, beforeRemove: () => forever });
    removals.replaced(UPLOAD);
    removals.replaced(UPLOAD);
    await removals.close(50);
    expect(removed).toEqual([]);
    expect(logged).toEqual(['error pictures that nobody uses are left behind {"left":2}']);
  });

  test("tries what fails once, and says what is left behind", async () => {
    const beforeRemove = () => Promise.reject(new RpcError("unavailable", "S3 is away"));
    const { removals, logged } = setUp({ times: LONG, beforeRemove });
    removals.replaced(UPLOAD);
    await removals.close(30_000);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toStartWith("error cannot remove a picture that nobody uses: it is left");
  });
});
