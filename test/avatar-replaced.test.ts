import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { UserService } from "../src/gen/user.ts";
import { Api, isRecord, newMember } from "./contract/client.ts";
import { avatarForm, pngOf } from "./contract/images.ts";
import { COOKIE, type Front, startFront } from "./http-front.ts";
import { PICTURE_PLACES } from "./picture-places.ts";
import { startStack } from "./stack.ts";
import { eventually } from "./storage-pairs.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const SHORT_GRACE_MS = 100;
/** Longer than any test: what happens all the same did not wait for it. */
const LONG_GRACE_MS = 600_000;

/** The handlers of one user, whose profile is kept here. */
function oneUser(shownAtFirst = "default.webp") {
  let profilePath = shownAtFirst;
  const handlers: Partial<UserService> = {
    getUserInfo: async () => ({ username: "grace", nickname: "grace", profilePath }),
    async updateProfilePic(request) {
      ({ profilePath } = request);
      return {};
    },
    findUnusedPictures: async ({ profilePaths }) => ({
      unused: profilePaths.filter((path) => path !== profilePath),
    }),
  };
  return { handlers, current: () => profilePath };
}

async function upload({ url }: Front): Promise<string> {
  const body = avatarForm(pngOf(8, 8, [1, 2, 3]));
  const update = `${url}/api/entrytask/user/update_profile_pic`;
  const response = await fetch(update, { method: "POST", headers: { Cookie: COOKIE }, body });
  expect(response.status).toBe(200);
  return (await response.json()).data.profilePath;
}

const shown = async ({ url }: Front, name: string) =>
  (await fetch(`${url}/avatars/${name}`)).status;

describe.each(PICTURE_PLACES)("a picture in $place", ({ open }) => {
  test("stays for a while after it is replaced, and the drain removes it", async () => {
    await using place = await open();
    const { handlers } = oneUser();
    await using front = await startFront(handlers, { ...place, graceMs: LONG_GRACE_MS });
    const [old, current] = [await upload(front), await upload(front)];
    expect([await shown(front, old), await shown(front, current)]).toEqual([200, 200]);
    await front.removals.close(10_000);
    expect([await shown(front, old), await shown(front, current)]).toEqual([404, 200]);
    expect(await shown(front, "default.webp")).toBe(200);
    expect(await place.names()).toEqual([current]);
  });

  test("is removed after it is replaced, and the new one stays", async () => {
    await using place = await open();
    const { handlers, current } = oneUser();
    await using front = await startFront(handlers, { ...place, graceMs: SHORT_GRACE_MS });
    for (let round = 0; round < 3; round++) await upload(front);
    await eventually("one is left", async () => (await place.names()).length === 1);
    await Bun.sleep(3 * SHORT_GRACE_MS); // Time for a removal that must not come.
    expect(await place.names()).toEqual([current()]);
    expect(front.logged.filter(({ level }) => level !== "debug")).toEqual([]);
  });

  test("stays if no upload has saved it", async () => {
    await using place = await open();
    await place.avatars.save("logo.webp", new Uint8Array([1, 2, 3]));
    const { handlers, current } = oneUser("logo.webp");
    await using front = await startFront(handlers, { ...place, graceMs: LONG_GRACE_MS });
    await upload(front);
    await front.removals.close(10_000);
    expect((await place.names()).sort()).toEqual([current(), "logo.webp"].sort());
  });

  test("stays for the sweep if it is unknown whether a user shows it", async () => {
    await using place = await open();
    const { handlers } = oneUser();
    let asked = 0;
    handlers.findUnusedPictures = async () => {
      asked++;
      throw new Error("The database is away");
    };
    await using front = await startFront(handlers, { ...place, graceMs: SHORT_GRACE_MS });
    const names = [await upload(front), await upload(front)].sort();
    await eventually("it was asked for", async () => asked > 0);
    await front.removals.close(10_000);
    expect((await place.names()).sort()).toEqual(names);
  });

  test("stays if another user claims it and then replaces it", async () => {
    await using place = await open();
    await using stack = await startStack();
    const { avatars } = place;
    const options = { avatars, rpcPort: stack.rpcPort, graceMs: SHORT_GRACE_MS };
    await using front = await startFront({}, options);
    const [grace, mallory] = [await newMember(stack), await newMember(stack)];
    const uploadAs = async (sessionId: string) => {
      const form = avatarForm(pngOf(8, 8, [1, 2, 3]));
      const { data } = await new Api(front.url).withSession(sessionId).avatar(form);
      return String(isRecord(data) && data.profilePath);
    };
    const own = await uploadAs(grace.sessionId);
    for (const profilePath of [own, "default.webp"]) {
      await stack.user.updateProfilePic({ sessionId: mallory.sessionId, profilePath });
      const first = await uploadAs(mallory.sessionId);
      await uploadAs(mallory.sessionId);
      const isGone = async () => !(await place.names()).includes(first);
      await eventually("what replaced it is gone in turn", isGone);
    }
    expect([await shown(front, own), await shown(front, "default.webp")]).toEqual([200, 200]);
  });
});
