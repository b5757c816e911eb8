import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { startTcp } from "./child.ts";
import { freeze } from "./freeze.ts";
import { askRedis, available as hasRedis, startRedis } from "./redis.ts";
import { MASTER_NAME, type RedisSentinels, startRedisSentinels } from "./redis-sentinels.ts";
import {
  createFolder,
  eventually,
  expectStorageError,
  newSession,
  open,
  recordingLog,
  user,
} from "./storage-pairs.ts";

// A master with a replica and three Sentinels.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const DOWN_AFTER_MS = 1_000;

async function openSentinels() {
  await using opening = new AsyncDisposableStack();
  const sentinels = opening.use(await startRedisSentinels(DOWN_AFTER_MS));
  const folder = opening.use(await createFolder());
  const redisUrl = sentinels.url;
  const one = opening.use(await open({ redisUrl, ...folder })).sessions;
  const other = opening.use(await open({ redisUrl, ...folder })).sessions;
  const opened = opening.move();
  const location = { redisUrl, ...folder };
  return { sentinels, location, one, other, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

/** Cache a profile, and wait until the replica has it as well. */
async function cache(
  { one, sentinels }: Awaited<ReturnType<typeof openSentinels>>,
  username: string,
): Promise<void> {
  await eventually("it is cached", async () => {
    await one.open(newSession(`of ${username}`, user(username), await one.lease(username)));
    return (await one.find(`of ${username}`))?.profile !== undefined;
  });
  for (const { port } of sentinels.servers) {
    await eventually("it is replicated", async () => {
      return (await askRedis(port, (redis) => redis.exists(`user:${username}`))) === 1;
    });
  }
}

const never = () => Promise.reject(new Error("an update ran"));
const succeeds = (call: () => Promise<unknown>) =>
  call().then(
    () => true,
    () => false,
  );

describe.concurrent.skipIf(!hasRedis)("a Redis with Sentinels", () => {
  test("is left when it is killed; a copy whose drop was not replicated is not used", async () => {
    await using opened = await openSentinels();
    const { sentinels, one, other } = opened;
    for (const username of ["grace", "ada"]) await cache(opened, username);
    const master = await sentinels.master();
    const replica = await sentinels.replica();

    // The replica gets nothing more, and comes back before the Sentinels miss it.
    await freeze(replica.pid);
    await one.invalidating("grace", async () => undefined);
    await master.kill();
    process.kill(replica.pid, "SIGCONT");

    await eventually("both have moved", async () => {
      const isThere = () => one.find("of grace").then(() => other.find("of grace"));
      return (await sentinels.masterPort()) === replica.port && (await succeeds(isThere));
    });
    for (const sessions of [one, other]) {
      for (const username of ["grace", "ada"]) {
        expect(await sessions.find(`of ${username}`)).toEqual({ username });
      }
    }
  });

  test("moves at once if the operator changes the master, and a session stays", async () => {
    await using opened = await openSentinels();
    const { sentinels, one, other } = opened;
    await cache(opened, "grace");
    const master = await sentinels.master();
    await sentinels.failOver();
    await eventually("another is the master", async () => {
      return (await sentinels.masterPort()) !== master.port;
    });
    // The marks of other writers may be lost. The old master may have granted one more.
    await eventually("no lease is granted", async () => {
      return (await one.lease("grace").catch(() => "failed")) === undefined;
    });
    await eventually("an update is possible", () =>
      succeeds(() => one.invalidating("grace", async () => undefined)),
    );
    for (const sessions of [one, other]) {
      expect(await sessions.find("of grace")).toEqual({ username: "grace" });
    }
  });

  test("is not used after it was frozen and replaced, even by a server that was idle", async () => {
    await using opened = await openSentinels();
    const { sentinels, location, other } = opened;
    await cache(opened, "grace");
    expect((await other.find("of grace"))?.profile).toBeDefined();
    const master = await sentinels.master();
    await freeze(master.pid);
    await eventually("another is the master", async () => {
      return (await sentinels.masterPort()) !== master.port;
    });
    // A server that has sent nothing to the old master, which would carry it out later.
    await using late = await open(location);
    await eventually("an update is possible", () =>
      succeeds(() => late.sessions.invalidating("grace", async () => undefined)),
    );
    process.kill(master.pid, "SIGCONT");
    expect(await other.find("of grace")).toEqual({ username: "grace" });
  });

  test("serves sessions, but no copy and no update, if no majority of Sentinels answers", async () => {
    await using opened = await openSentinels();
    const { sentinels, one } = opened;
    await cache(opened, "grace");
    const [first, second] = sentinels.sentinels;
    for (const sentinel of [first, second]) if (sentinel) await freeze(sentinel.pid);
    await eventually(
      "no copy is used",
      async () => (await one.find("of grace"))?.profile === undefined,
    );
    expect(await one.find("of grace")).toEqual({ username: "grace" });
    expect(await one.lease("grace")).toBeUndefined();
    const error = await expectStorageError(() => one.invalidating("grace", never));
    expect(error.message).toBe(
      "Cannot invalidate profile: the Sentinels do not confirm the master",
    );
    for (const sentinel of [first, second]) if (sentinel) process.kill(sentinel.pid, "SIGCONT");
    await eventually("it is used again", async () => {
      return (await one.find("of grace"))?.profile !== undefined;
    });
    await one.invalidating("grace", async () => undefined);
  });
});

describe.skipIf(!hasRedis)("the start with Sentinels", () => {
  async function refusalOf(redisUrl: string): Promise<string> {
    await using folder = await createFolder();
    const error = await expectStorageError(() => open({ redisUrl, ...folder }));
    expect(error.message).toContain("(REDIS_URL): ");
    return error.message.replace(/^.*\(REDIS_URL\): /, "");
  }

  test("stops if it can never succeed, and says why", async () => {
    await using sentinels = await startRedisSentinels(DOWN_AFTER_MS);
    await using redis = await startRedis();
    const { url } = sentinels;
    expect(await refusalOf(url.replace(`=${MASTER_NAME}`, "=other"))).toBe(
      'the Sentinels know no master "other" (sentinelMasterId)',
    );
    const at = `127.0.0.1:${new URL(redis.url).port}`;
    expect(await refusalOf(`redis-sentinel://${at}/0?sentinelMasterId=x`)).toBe(
      `${at} is no Sentinel`,
    );
    const secret = "s3cr3t";
    const named = `the Sentinels name 127.0.0.1:${await sentinels.masterPort()} as the master: `;
    const wrongUser = await refusalOf(url.replace("://", `://nobody:${secret}@`));
    expect(wrongUser).toStartWith(`${named}WRONGPASS`);
    expect(await refusalOf(url.replace("/0?", "/99?"))).toStartWith(`${named}ERR DB index`);
  });

  test("needs the credentials of the Sentinels, which are not those of Redis", async () => {
    await using sentinels = await startRedisSentinels(DOWN_AFTER_MS);
    await using folder = await createFolder();
    const master = await sentinels.master();
    for (const { port } of sentinels.sentinels) {
      await askRedis(port, (sentinel) =>
        sentinel.acl("SETUSER", "default", "resetpass", ">s3cr3t/+"),
      );
    }
    const hint = "(credentials of Sentinels are sentinelUsername and sentinelPassword)";
    expect(await refusalOf(sentinels.url)).toEndWith(hint);
    const wrong = await refusalOf(`${sentinels.url}&sentinelPassword=s3cr3t`);
    expect(wrong).toEndWith(hint);
    expect(wrong).not.toContain("s3cr3t");
    for (const { port } of sentinels.servers) {
      await askRedis(port, (redis) =>
        redis.acl("SETUSER", "portico", "on", ">s3cr3t", "~*", "&*", "+@all"),
      );
    }
    const redisUrl = `${sentinels.url.replace("://", "://portico:s3cr3t@")}&sentinelPassword=s3cr3t%2F+`;
    await using tcp = startTcp(folder.dataDir, { REDIS_URL: redisUrl, LOG_LEVEL: "debug" });
    await tcp.listening();
    await master.kill();
    await tcp.waitFor(/waiting for Redis \\"portico\\" of the Sentinels at 127\.0\.0\.1:/);
    expect(tcp.output).not.toContain("s3cr3t");
  });

  test("waits for Sentinels, and for a master", async () => {
    await using sentinels: RedisSentinels = await startRedisSentinels(60_000);
    await using folder = await createFolder();
    const { log, lines } = recordingLog();
    const master = await sentinels.master();
    for (const { pid } of sentinels.sentinels) await freeze(pid);
    await master.kill();
    const opening = open({ redisUrl: sentinels.url, ...folder }, { log });
    await eventually("it waits for a Sentinel", async () =>
      /no Sentinel answers/.test(lines.join()),
    );
    for (const { pid } of sentinels.sentinels) process.kill(pid, "SIGCONT");
    await Bun.sleep(1_500);
    await master.restart();
    await using storage = await opening;
    await storage.sessions.open(newSession("s1", user("grace")));
    expect(await storage.sessions.find("s1")).toMatchObject({ username: "grace" });
  });
});
