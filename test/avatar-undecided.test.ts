import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Connection, createConnection, type RowDataPacket } from "mysql2/promise";
import { findUnused, removeAll } from "../src/http/avatar/sweep.ts";
import { Api, type Member, newMember, profileOf } from "./contract/client.ts";
import { avatarForm, pngOf } from "./contract/images.ts";
import { freeze } from "./freeze.ts";
import { startFront } from "./http-front.ts";
import { available as hasMariaDb, sharedMariaDb } from "./mariadb.ts";
import { PICTURE_PLACES } from "./picture-places.ts";
import { available as hasRedis, startRedis } from "./redis.ts";
import { startStack } from "./stack.ts";
import { eventually } from "./storage-pairs.ts";

// Uploads of which nobody knows whether the profile has got them: on real databases, which answer
// too late, or not at all. The tests wait for that at the same time.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const GRACE_MS = 300;

interface UpdateRow extends RowDataPacket {
  readonly waiting: string | number;
}

/** Both tiers on MySQL and Redis, pictures that go soon, and a member who has one. */
async function openSite(openPlace: (typeof PICTURE_PLACES)[number]["open"]) {
  await using cleanup = new AsyncDisposableStack();
  const place = cleanup.use(await openPlace());
  const redis = cleanup.use(await startRedis());
  const databaseUrl = await (await sharedMariaDb()).createDatabase();
  const redisUrl = await redis.createDatabase();
  const stack = cleanup.use(await startStack({ DATABASE_URL: databaseUrl, REDIS_URL: redisUrl }));
  const options = { avatars: place.avatars, graceMs: GRACE_MS, rpcPort: stack.rpcPort };
  const front = cleanup.use(await startFront({}, options));
  const sql = await createConnection(databaseUrl);
  cleanup.defer(() => sql.destroy());
  const member: Member = await newMember(stack);
  const api = new Api(front.url).withSession(member.sessionId);
  await upload(api);
  const opened = cleanup.move();
  return {
    place,
    stack,
    redis,
    front,
    sql,
    api,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** What a sweep does, once all is old enough. */
async function sweep({ place: { avatars }, stack: { user } }: Site): Promise<void> {
  const { unused } = await findUnused({ avatars, user }, new Date(Date.now() + 60_000));
  expect(await removeAll(avatars, unused)).toEqual([]);
}

type Site = Awaited<ReturnType<typeof openSite>>;

const upload = (api: Api) => api.avatar(avatarForm(pngOf(8, 8, [1, 2, 3])));
const pathOf = async (api: Api) => profileOf(await api.userInfo()).profilePath;

/** Hold the row of the only user, so that an update of it has to wait. */
async function lockRow(sql: Connection): Promise<void> {
  await sql.beginTransaction();
  await sql.query("SELECT id FROM user FOR UPDATE");
}

const isUpdateWaiting = (sql: Connection) => async () => {
  const [rows] = await sql.query<UpdateRow[]>(
    `SELECT COUNT(*) AS waiting FROM information_schema.processlist
     WHERE db = DATABASE() AND info LIKE 'UPDATE user SET profile_path%'`,
  );
  return Number(rows[0]?.waiting) > 0;
};

const isAvailable = hasMariaDb && hasRedis;

describe.skipIf(!isAvailable).each(PICTURE_PLACES)("an upload to $place", ({ open }) => {
  test.concurrent("that fails though the profile has got it keeps its picture", async () => {
    await using site = await openSite(open);
    const { place, redis, sql, api, front } = site;
    const old = await pathOf(api);
    await lockRow(sql);
    const uploading = upload(api);
    await eventually("the update waits", isUpdateWaiting(sql));
    await freeze(redis.pid);
    await sql.rollback();
    const { code, status } = await uploading;
    expect([code, status]).toEqual(["1", 503]);
    expect(await place.names()).toHaveLength(2);
    process.kill(redis.pid, "SIGCONT");

    let current = old;
    await eventually("the profile is shown", async () => {
      const answer = await api.userInfo();
      if (answer.code === "7") current = profileOf(answer).profilePath;
      return answer.code === "7";
    });
    expect(current).not.toBe(old);
    await Bun.sleep(3 * GRACE_MS); // Time for a removal that must not come.
    expect((await place.names()).sort()).toEqual([old, current].sort());
    await sweep(site);
    expect(await place.names()).toEqual([current]);
    expect((await fetch(`${front.url}/avatars/${current}`)).status).toBe(200);
  });

  test.concurrent("that fails as its row is locked is removed by the sweep", async () => {
    await using site = await openSite(open);
    const { place, sql, api } = site;
    const old = await pathOf(api);
    await lockRow(sql);
    const { code, status } = await upload(api);
    expect([code, status]).toEqual(["1", 503]);
    await sql.rollback();
    expect(await place.names()).toHaveLength(2);
    await sweep(site);
    expect(await place.names()).toEqual([old]);
    expect(await pathOf(api)).toBe(old);
  });
});
