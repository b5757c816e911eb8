import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { SessionStore } from "../src/user/stores.ts";
import { expectRecovery } from "./cached-sessions.ts";
import { freeze } from "./freeze.ts";
import { askRedis, available as hasRedis } from "./redis.ts";
import { type Master, type RedisCluster, startRedisCluster } from "./redis-cluster.ts";
import {
  createFolder,
  eventually,
  expectStorageError,
  newSession,
  open,
  recordingLog,
  user,
} from "./storage-pairs.ts";

// A cluster that loses one master or all, and a cluster whose slots move between masters. Each test
// has its own cluster. Most of their time is waiting until the masters agree on each other.

// Recovery alone may take as long as `eventually` waits.
setDefaultTimeout(120_000);

/** After this time without an answer, the masters consider a master dead. */
const NODE_TIMEOUT_MS = 2_000;

const startCluster = () => startRedisCluster(NODE_TIMEOUT_MS);

/** Sessions in an empty cluster, and their log. */
async function openSessions() {
  await using opening = new AsyncDisposableStack();
  const cluster = opening.use(await startCluster());
  const folder = opening.use(await createFolder());
  const { log, messages } = recordingLog();
  const storage = opening.use(await open({ redisUrl: cluster.url, ...folder }, { log }));
  const opened = opening.move();
  return {
    cluster,
    sessions: storage.sessions,
    messages,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

let names = 0;

/** A new session and a new user, each on the given master or on another one. */
function memberOn(
  cluster: RedisCluster,
  master: Master,
  { session, profile }: { session: boolean; profile: boolean },
): { sessionId: string; username: string } {
  const nameOn = (prefix: string, isThere: boolean) => {
    for (;;) {
      const name = `name${++names}`;
      if ((cluster.masterOf(`${prefix}${name}`) === master) === isThere) return name;
    }
  };
  return {
    sessionId: nameOn("session:", session),
    username: nameOn("user:", profile),
  };
}

function succeeds(call: () => Promise<unknown>): Promise<boolean> {
  return call().then(
    () => true,
    () => false,
  );
}

/** Every operation on one session and its user. */
async function useAll(sessions: SessionStore, sessionId: string, username: string): Promise<void> {
  // After an update and after a fault, the cache is not filled for a while.
  await eventually("it is cached", async () => {
    await sessions.open(newSession(sessionId, user(username), await sessions.lease(username)));
    return (await sessions.find(sessionId))?.profile?.username === username;
  });
  await sessions.invalidating(username, async () => undefined);
  expect(await sessions.find(sessionId)).toEqual({ username });
  expect(await sessions.close(sessionId)).toBe(username);
  expect(await sessions.find(sessionId)).toBeUndefined();
}

const FAULTS = [
  {
    fault: "killed",
    hurt: (master: Master) => master.kill(),
    heal: (master: Master) => master.restart(),
    isEmpty: true,
  },
  {
    fault: "hanging",
    hurt: (master: Master) => freeze(master.pid),
    heal: async (master: Master) => void process.kill(master.pid, "SIGCONT"),
    isEmpty: false,
  },
];

describe.concurrent.skipIf(!hasRedis)("Redis Cluster", () => {
  test.each(FAULTS)(
    "a master that is $fault affects only its own slots",
    async ({ hurt, heal, isEmpty }) => {
      await using opened = await openSessions();
      const { cluster, sessions, messages } = opened;
      const [, victim] = cluster.masters;
      if (!victim) throw new Error("The cluster has no second master");
      const elsewhere = memberOn(cluster, victim, { session: false, profile: false });
      const lostSession = memberOn(cluster, victim, { session: true, profile: false });
      // A server that hangs may carry out commands later, after their calls have failed.
      const lost = memberOn(cluster, victim, { session: true, profile: true });
      const lease = await sessions.lease(lost.username);
      const lostProfile = memberOn(cluster, victim, { session: false, profile: true });
      const all = [elsewhere, lostSession, lostProfile];
      for (const { sessionId, username } of all) await useAll(sessions, sessionId, username);
      for (const each of [lostSession, lostProfile]) {
        const { sessionId, username } = each;
        await sessions.open(newSession(sessionId, user(username), await sessions.lease(username)));
      }

      await using healing = new AsyncDisposableStack();
      healing.defer(() => heal(victim));
      await hurt(victim);
      for (let round = 0; round < 2; round++) {
        let isUpdated = false;
        const update = async () => {
          isUpdated = true;
        };
        await Promise.all([
          useAll(sessions, elsewhere.sessionId, elsewhere.username),
          expectStorageError(() => sessions.find(lostSession.sessionId)),
          expectStorageError(() => sessions.open(newSession(lost.sessionId, user("anna")))),
          expectStorageError(() => sessions.close(lost.sessionId)),
          expectStorageError(() => sessions.find(lostProfile.sessionId)),
          expectStorageError(() => sessions.lease(lost.username)),
          expectStorageError(() => sessions.open(newSession("s", user(lost.username), lease))),
          expectStorageError(() => sessions.invalidating(lost.username, update)),
          ...Array.from({ length: 400 }, () =>
            expectStorageError(() => sessions.find(lostSession.sessionId)),
          ),
        ]);
        // If the cached copy cannot be dropped, the row must not change.
        expect(isUpdated).toBe(false);
      }
      // Each ping asks one master, and each master takes its time to notice a dead one.
      await eventually("its health shows", async () => {
        for (let asked = 0; asked < 5; asked++) {
          if (await succeeds(() => sessions.ping())) return false;
        }
        return true;
      });
      await useAll(sessions, elsewhere.sessionId, elsewhere.username);
      const healedAtMs = performance.now();
      await healing.disposeAsync();

      await eventually("it is back", () => succeeds(() => sessions.find(lostSession.sessionId)));
      await eventually("it is back", () => succeeds(() => sessions.find(lostProfile.sessionId)));
      await eventually("it is back", () => succeeds(() => sessions.lease(lost.username)));
      await expectRecovery(sessions, lost.username, healedAtMs);
      await eventually("all is well", () => succeeds(() => sessions.ping()));
      const found = await sessions.find(lostSession.sessionId);
      expect(found?.username).toBe(isEmpty ? undefined : lostSession.username);
      for (const { sessionId, username } of all) {
        await useAll(sessions, sessionId, username);
      }
      const at = `Redis at 127.0.0.1:${victim.port} (node of a cluster)`;
      const said = messages.filter((message) => message.includes(at));
      // A wait of more than 30 s is told again.
      expect(said.filter((message, index) => message !== said[index - 1])).toEqual([
        `info connected to ${at}`,
        `warn waiting for ${at}`,
        `info connected to ${at}`,
      ]);
    },
  );

  test("after an outage of all masters, the commands that failed are not sent", async () => {
    await using opened = await openSessions();
    const { cluster, sessions } = opened;
    await useAll(sessions, "s", "grace");

    await Promise.all(cluster.masters.map((master) => master.kill()));
    for (let round = 0; round < 2; round++) {
      await Promise.all([
        expectStorageError(() => sessions.ping()),
        expectStorageError(() => sessions.find("s")),
        ...Array.from({ length: 400 }, (_, n) =>
          expectStorageError(() => sessions.open(newSession(`late ${n}`, user("grace")))),
        ),
      ]);
    }
    for (const call of [() => sessions.find("s"), () => sessions.ping()]) {
      expect(await call().catch(String)).toContain("no node of the cluster is connected");
    }
    await Promise.all(cluster.masters.map((master) => master.restart()));

    await eventually("all is well", () => succeeds(() => sessions.ping()));
    await eventually("all is well", () => succeeds(() => useAll(sessions, "s", "grace")));
    const kept = cluster.masters.map(({ port }) =>
      askRedis(port, (redis) => redis.keys("session:*")),
    );
    expect((await Promise.all(kept)).flat()).toEqual([]);
  });

  test("no call fails while a slot with sessions or users moves to another master", async () => {
    await using opened = await openSessions();
    const { cluster, sessions } = opened;
    const names = Array.from({ length: 30 }, (_, n) => `user${n}`);
    for (const name of names)
      await sessions.open(newSession(name, user(name), await sessions.lease(name)));
    let isOver = false;
    let calls = 0;
    const load = Promise.all(
      names.map(async (name) => {
        while (!isOver) {
          expect((await sessions.find(name))?.username).toBe(name);
          await sessions.invalidating(name, async () => undefined);
          calls++;
        }
      }),
    );

    try {
      // There and back, so that the next slot begins on the same master.
      for (const key of ["session:user1", "user:user2"]) {
        const from = cluster.masterOf(key);
        const [to] = cluster.masters.filter((master) => master !== from);
        if (!to) throw new Error("The cluster has one master only");
        await cluster.moveSlot(key, from, to);
        await cluster.moveSlot(key, to, from);
      }
    } finally {
      isOver = true;
      await load;
    }
    expect(calls).toBeGreaterThan(names.length);
  });

  test("a single address is enough, also for a user without the right to INFO", async () => {
    await using cluster = await startCluster();
    await using folder = await createFolder();
    const [address = ""] = cluster.url.split(",");
    for (const { port } of cluster.masters) {
      await askRedis(port, (redis) =>
        redis.acl("SETUSER", "portico", "on", ">secret", "~*", "+@all", "-@dangerous"),
      );
    }
    const restricted = address.replace("redis://", "redis://portico:secret@");
    for (const redisUrl of [address, restricted, address.replace("127.0.0.1", "localhost")]) {
      await using storage = await open({ redisUrl, ...folder });
      for (const master of cluster.masters) {
        const member = memberOn(cluster, master, { session: true, profile: true });
        await useAll(storage.sessions, member.sessionId, member.username);
      }
    }
    const refused = await open({ redisUrl: `${address}/1`, ...folder }).then(String, String);
    expect(refused).toEndWith(
      `Cannot open Redis at ${new URL(address).host} (REDIS_URL): ` +
        "it is a node of a cluster, which has only database number 0",
    );
  });

  test("a wrong password stops the start; a start waits for masters that are down", async () => {
    await using cluster = await startCluster();
    await using folder = await createFolder();
    const wrong = cluster.url.replaceAll("redis://", "redis://nobody:s3cr3t@");
    const refused = await open({ redisUrl: wrong, ...folder }).then(String, String);
    expect(refused).toContain("Cannot open Redis Cluster at 127.0.0.1:");
    expect(refused).toContain("WRONGPASS");
    expect(refused).not.toContain("s3cr3t");

    const { log, messages } = recordingLog();
    await Promise.all(cluster.masters.map((master) => master.kill()));
    const opening = open({ redisUrl: cluster.url, ...folder }, { log });
    const isWaiting = async () =>
      messages.some((each) => each.startsWith("warn waiting for Redis Cl"));
    await eventually("it waits", isWaiting);
    await Promise.all(cluster.masters.map((master) => master.restart()));

    await using storage = await opening;
    await eventually("all is well", () => succeeds(() => storage.sessions.ping()));
  });
});
