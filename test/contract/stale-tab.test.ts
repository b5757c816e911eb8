import { expect, setDefaultTimeout, test } from "bun:test";
import { Empty, UPDATE_NICKNAME, UPDATE_PROFILE_PIC } from "../../src/gen/user.ts";
import { RpcError } from "../../src/rpc/error.ts";
import { Api, ENDPOINTS, newMember, nicknameOf, profileOf } from "./client.ts";
import { avatarForm, pngOf } from "./images.ts";
import { describePairs, sharedStack } from "./pairs.ts";

// A page of one user, in a browser in which another has signed in since.

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const DETAIL = "username: must be the session's own";
const PNG = pngOf(2, 2, [1, 2, 3]);
const { path } = ENDPOINTS.nickname;

describePairs("an update that names its user", (pair) => {
  const shared = sharedStack(pair);

  test("is done if it is the session's own", async () => {
    const { api, username } = await newMember(shared.stack, "ren\u00e9e");
    for (const own of [username, "rene\u0301e"]) {
      const answer = await api.post(path, { nickname: own, username: own });
      expect([answer.code, answer.data]).toEqual(["7", "ren\u00e9e"]);
      expect((await api.postForm(path, { nickname: "form", username: own })).code).toBe("7");
      expect((await api.avatar(avatarForm(PNG, { username: own }))).code).toBe("7");
    }
    expect((await api.post(path, { nickname: "unnamed" })).code).toBe("7");
  });

  test("is refused if it is another user, and changes nothing", async () => {
    const [{ api, username }, other] = [
      await newMember(shared.stack),
      await newMember(shared.stack),
    ];
    const before = [profileOf(await api.userInfo()), profileOf(await other.api.userInfo())];
    for (const wrong of [other.username, "nobody", "", `${username} `, username.toUpperCase()]) {
      const fields = { nickname: "wrong", username: wrong };
      for (const answer of [
        await api.send("POST", path, {
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify(fields),
        }),
        await api.postForm(path, fields),
        await api.avatar(avatarForm(PNG, { username: wrong })),
      ]) {
        expect([wrong, answer.code, answer.status]).toEqual([wrong, "6", 400]);
        expect(answer.headers.get("x-error-detail")).toBe(DETAIL);
      }
    }
    const after = [profileOf(await api.userInfo()), profileOf(await other.api.userInfo())];
    expect(after).toEqual(before);
  });

  test("is refused for the type of the name first, then for its session", async () => {
    const stranger = new Api(shared.stack.url);
    const { username } = await newMember(shared.stack);
    expect((await stranger.post(path, { nickname: "x", username })).code).toBe("2");
    const wrong = await stranger.post(path, { nickname: "x", username: 1 });
    expect([wrong.code, wrong.headers.get("x-error-detail")]).toEqual([
      "6",
      "username: must be a string",
    ]);
  });

  test("is checked by the TCP tier, in the same call", async () => {
    const { api, sessionId } = await newMember(shared.stack);
    const before = profileOf(await api.userInfo());
    const { user } = shared.stack;
    const owner = { sessionId, username: "nobody" };
    for (const call of [
      user.updateNickname({ ...owner, nickname: "wrong" }),
      user.updateProfilePic({ ...owner, profilePath: "x.webp" }),
    ]) {
      const error = await call.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(RpcError);
      expect(error).toMatchObject({
        status: "invalid_argument",
        processed: false,
        message: DETAIL,
      });
    }
    expect(profileOf(await api.userInfo())).toEqual(before);
  });

  test("still works without a name, as older clients send it", async () => {
    const { api, sessionId } = await newMember(shared.stack);
    const { caller } = shared.stack;
    // The first one sent no username, and both got an empty reply.
    for (const hash of ["76814781961ac950", "ec8ee79e01196205"]) {
      const nickname = `old ${hash.slice(0, 4)}`;
      const older = { ...UPDATE_NICKNAME, hash, olderHashes: [], reply: Empty };
      await caller.call(older, { sessionId, nickname });
      expect(await nicknameOf(api)).toBe(nickname);
    }
    const hash = "ea21a9819c6d37af";
    const oldPicture = { ...UPDATE_PROFILE_PIC, hash, olderHashes: [] };
    await caller.call(oldPicture, { sessionId, profilePath: "old-way.webp" });
    expect(profileOf(await api.userInfo()).profilePath).toBe("old-way.webp");
  });
});
