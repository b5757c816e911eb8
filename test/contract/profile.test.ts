import { expect, setDefaultTimeout, test } from "bun:test";
import { startStack } from "../stack.ts";
import {
  Api,
  isRecord,
  type Member,
  newMember,
  nicknameOf,
  profileOf,
  signInAgain,
} from "./client.ts";
import { avatarForm, pngOf } from "./images.ts";
import { describeAllPairs, describeRedis, sharedStack } from "./pairs.ts";

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const ROUNDS = 20;
/** Short, so that readers fill the cache between any two updates. */
const LEASE_MS = 20;
const PICTURES = [pngOf(3, 3, [255, 0, 0]), pngOf(3, 3, [0, 0, 255])];

/**
 * While `member` renames itself round after round, `readers` read all the time. A reading may be
 * older than a change that is not answered yet, never older than one that was answered before.
 */
async function renameWhileReading(
  member: Member,
  readers: readonly (() => Promise<string>)[],
): Promise<void> {
  const roundOf = (nickname: string) => {
    const round = /^round (\d+)$/.exec(nickname)?.[1];
    return round === undefined ? -1 : Number(round);
  };
  let answered = -1;
  let readings = 0;
  let done = false;
  const read = async (reader: () => Promise<string>, index: number) => {
    while (!done) {
      const atLeast = answered;
      const round = roundOf(await reader());
      readings += 1;
      if (round < atLeast) {
        throw new Error(`Reader ${index} shows round ${round} after the answer to ${atLeast}`);
      }
    }
  };
  const write = async () => {
    try {
      for (let round = 0; round < ROUNDS; round++) {
        expect((await member.api.nickname(`round ${round}`)).code).toBe("7");
        answered = round;
        const seen = await Promise.all(readers.map((reader) => reader()));
        expect(seen.map(roundOf)).toEqual(readers.map(() => round));
        await Bun.sleep(2 * LEASE_MS);
      }
    } finally {
      done = true;
    }
  };
  await Promise.all([write(), ...readers.map(read)]);
  expect(readings).toBeGreaterThan(readers.length);
}

/** Readers that sign in must not end the sessions of the others. */
const MANY_SESSIONS = { SESSIONS_MAX: "1000" };

/** Sign in anew for every reading: this, too, writes the user into the cache. */
const bySigningIn = (member: Member) => async () => nicknameOf(await signInAgain(member));

describeAllPairs("the profile", (pair) => {
  const shared = sharedStack(pair, MANY_SESSIONS, LEASE_MS);

  test("shows a new nickname to every reader at once", async () => {
    const member = await newMember(shared.stack);
    const other = await signInAgain(member);
    const rpc = shared.stack.anotherClient();
    const { sessionId } = member;
    for (const nickname of ["one", "two", "zwölf", "😀"]) {
      // All have read the old one, so that whatever is cached is filled.
      await Bun.sleep(LEASE_MS);
      await Promise.all([member.api.userInfo(), other.userInfo(), rpc.getUserInfo({ sessionId })]);
      expect((await member.api.nickname(nickname)).data).toBe(nickname);
      expect((await rpc.getUserInfo({ sessionId })).nickname).toBe(nickname);
      expect(await nicknameOf(other)).toBe(nickname);
      expect(await nicknameOf(member.api)).toBe(nickname);
      expect(await nicknameOf(await signInAgain(member))).toBe(nickname);
    }
  });

  test("never shows an older nickname during updates", async () => {
    const member = await newMember(shared.stack);
    const { sessionId } = member;
    const [other, rpc] = [await signInAgain(member), shared.stack.anotherClient()];
    await renameWhileReading(member, [
      () => nicknameOf(other),
      () => nicknameOf(member.api),
      async () => (await rpc.getUserInfo({ sessionId })).nickname,
      bySigningIn(member),
    ]);
  });

  test("changed by many at the same time ends with one value, the same for all readers", async () => {
    const member = await newMember(shared.stack);
    const sessions = await Promise.all(Array.from({ length: 8 }, () => signInAgain(member)));
    const answers = await Promise.all(sessions.map((api, n) => api.nickname(`writer ${n}`)));
    expect(answers.map(({ data }) => data)).toEqual(sessions.map((_, n) => `writer ${n}`));
    const seen = new Set(await Promise.all(sessions.map(nicknameOf)));
    expect(seen.size).toBe(1);
    expect([...seen][0]).toMatch(/^writer \d$/);
  });

  test("shows a new avatar to every reader at once, round after round", async () => {
    const member = await newMember(shared.stack);
    const other = await signInAgain(member);
    const pathOf = async (api: Api) => profileOf(await api.userInfo()).profilePath;
    const paths = new Set([await pathOf(other)]);
    for (let round = 0; round < 6; round++) {
      const [picture = Buffer.alloc(0)] = PICTURES.slice(round % 2);
      const { data } = await member.api.avatar(avatarForm(picture));
      if (!isRecord(data)) throw new Error("The answer names no picture");
      expect(await pathOf(other)).toBe(String(data.profilePath));
      const { sessionId } = member;
      const { profilePath } = await shared.stack.user.getUserInfo({ sessionId });
      expect(profilePath).toBe(String(data.profilePath));
      paths.add(profilePath);
    }
    expect(paths.size).toBe(7);
  });

  test("changes in one field and keeps the others", async () => {
    const { api, username } = await newMember(shared.stack);
    const { profilePath } = profileOf(await api.userInfo());
    await api.nickname("Grace");
    expect(profileOf(await api.userInfo())).toEqual({ username, nickname: "Grace", profilePath });
    const { data } = await api.avatar(avatarForm(pngOf(2, 2, [1, 2, 3])));
    if (!isRecord(data)) throw new Error("The answer names no picture");
    const expected = { username, nickname: "Grace", profilePath: String(data.profilePath) };
    expect(profileOf(await api.userInfo())).toEqual(expected);
  });

  test("of one user does not change with another's", async () => {
    const [one, other] = [await newMember(shared.stack), await newMember(shared.stack)];
    const before = profileOf(await other.api.userInfo());
    await one.api.nickname("mine");
    await one.api.avatar(avatarForm(pngOf(2, 2, [1, 2, 3])));
    expect(profileOf(await other.api.userInfo())).toEqual(before);
  });
});

describeRedis("two pairs of tiers on the same servers", (pair) => {
  const shared = sharedStack(pair, MANY_SESSIONS, LEASE_MS);

  test("share users and sessions, and never show an older nickname", async () => {
    // Its leases are a hundred times as long.
    await using second = await startStack(shared.environment);
    const member = await newMember(shared.stack);
    const { sessionId } = member;
    const there: Member = { ...member, api: new Api(second.url).withSession(sessionId) };
    const readers = [() => nicknameOf(there.api), () => nicknameOf(member.api)];
    await renameWhileReading(member, [...readers, bySigningIn(there), bySigningIn(member)]);
    // The other way round, so that each is the writer once.
    await renameWhileReading(there, [...readers, bySigningIn(there), bySigningIn(member)]);
    await there.api.signOut();
    expect((await member.api.userInfo()).code).toBe("2");
  });
});
