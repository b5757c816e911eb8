import { describe, expect, setDefaultTimeout, test } from "bun:test";
import type { UserService } from "../src/gen/user-service.ts";
import { avatarForm, pngOf } from "./contract/images.ts";
import { COOKIE, type Front, startFront } from "./http-front.ts";
import { PICTURE_PLACES } from "./picture-places.ts";
import { eventually } from "./storage-pairs.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const SHORT = { graceMs: 100, retryMs: 100 };
/** Longer than any test: what happens all the same did not wait for it. */
const LONG = { graceMs: 600_000, retryMs: 600_000 };

/** The handlers of one user, whose profile is kept here. */
function oneUser() {
  let profilePath = "default.webp";
  const handlers: Partial<UserService> = {
    getUserInfo: async () => ({ username: "grace", nickname: "grace", profilePath }),
    async updateProfilePic(request) {
      ({ profilePath } = request);
      return {};
    },
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
  test("is shown on for a while once it is replaced, and the drain removes it", async () => {
    await using place = await open();
    const { handlers } = oneUser();
    await using front = await startFront(handlers, { ...place, removalTimes: LONG });
    const [old, current] = [await upload(front), await upload(front)];
    expect([await shown(front, old), await shown(front, current)]).toEqual([200, 200]);
    await front.removals.close(10_000);
    expect([await shown(front, old), await shown(front, current)]).toEqual([404, 200]);
    expect(await shown(front, "default.webp")).toBe(200);
    expect(await place.names()).toEqual([current]);
  });

  test("goes once it is replaced, and none is left of two uploads at once but the last", async () => {
    await using place = await open();
    const { handlers, current } = oneUser();
    await using front = await startFront(handlers, { ...place, removalTimes: SHORT });
    await upload(front);
    const all = await Promise.all([upload(front), upload(front)]);
    expect(all).toContain(current());
    await eventually("one is left", async () => (await place.names()).length === 1);
    await Bun.sleep(3 * SHORT.graceMs); // Time for a removal that must not come.
    expect(await place.names()).toEqual([current()]);
    expect(front.logged.filter(({ level }) => level !== "debug")).toEqual([]);
  });
});
