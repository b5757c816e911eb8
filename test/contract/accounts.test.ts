import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  Api,
  ENDPOINTS,
  newMember,
  newName,
  profileOf,
  sessionIdOf,
  signInAgain,
} from "./client.ts";
import { describeAllPairs, sharedStack } from "./pairs.ts";

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const SUCCESS = '{"errCode":"7","errMsg":"success","data":""}';
const PASSWORD = "hopper1906";

describeAllPairs("accounts", (pair) => {
  const shared = sharedStack(pair);
  const api = () => new Api(shared.stack.url);

  describe("success", () => {
    test("of every endpoint has exactly the text of the contract, from JSON", async () => {
      const username = newName();
      expect((await api().signUp(username, PASSWORD)).text).toBe(SUCCESS);
      const signedIn = await api().signIn(username, PASSWORD);
      expect(signedIn.text).toBe(SUCCESS);
      const member = api().withSession(sessionIdOf(signedIn));
      const info = await member.userInfo();
      const { profilePath } = profileOf(info);
      const profile = JSON.stringify({ username, nickname: username, profilePath });
      expect(info.text).toBe(`{"errCode":"7","errMsg":"success","data":${profile}}`);
      const renamed = await member.nickname("Grace");
      expect(renamed.text).toBe('{"errCode":"7","errMsg":"success","data":"Grace"}');
      expect((await member.signOut()).text).toBe(SUCCESS);
    });

    test("of every endpoint with a body has the same text from a form", async () => {
      const username = newName();
      const fields = { username, password: PASSWORD };
      expect((await api().postForm(ENDPOINTS.signUp.path, fields)).text).toBe(SUCCESS);
      const signedIn = await api().postForm(ENDPOINTS.signIn.path, fields);
      expect(signedIn.text).toBe(SUCCESS);
      const member = api().withSession(sessionIdOf(signedIn));
      const renamed = await member.postForm(ENDPOINTS.nickname.path, { nickname: "Grace H." });
      expect(renamed.text).toBe('{"errCode":"7","errMsg":"success","data":"Grace H."}');
      expect(profileOf(await member.userInfo()).nickname).toBe("Grace H.");
      expect((await member.signOut("POST")).text).toBe(SUCCESS);
    });
  });

  describe("sign-up", () => {
    test("gives the first 8 code points of the username as the nickname", async () => {
      for (const username of ["abcd", "abcdefgh", "abcdefghi", "abcdefghijklm"]) {
        const { api: member } = await newMember(shared.stack, username);
        expect(profileOf(await member.userInfo()).nickname).toBe(username.slice(0, 8));
      }
      const letters = [..."𠀀𠀁𠀂𠀃𠀄𠀅𠀆𠀇𠀈𠀉"];
      const { api: member } = await newMember(shared.stack, letters.join(""));
      expect(profileOf(await member.userInfo()).nickname).toBe(letters.slice(0, 8).join(""));
    });

    test("does not sign in", async () => {
      const answer = await api().signUp(newName(), PASSWORD);
      expect(answer.headers.getSetCookie()).toEqual([]);
    });

    test("of a taken name is refused and does not change the user", async () => {
      const { api: member, username } = await newMember(shared.stack);
      await member.nickname("mine");
      const again = await api().signUp(username, "another-pass");
      expect([again.code, again.status]).toEqual(["3", 409]);
      expect((await api().signIn(username, "another-pass")).code).toBe("5");
      expect((await api().signIn(username, PASSWORD)).code).toBe("7");
      expect(profileOf(await member.userInfo()).nickname).toBe("mine");
    });

    test.each([2, 10])(
      "of one name by %i clients at the same time succeeds once",
      async (count) => {
        for (let round = 0; round < 5; round++) {
          const username = newName();
          const answers = await Promise.all(
            Array.from({ length: count }, (_, n) => api().signUp(username, `password-${n}`)),
          );
          const codes = answers.map(({ code }) => code).sort();
          expect(codes).toEqual([...Array.from({ length: count - 1 }, () => "3"), "7"]);
          const winner = answers.findIndex(({ code }) => code === "7");
          const signIns = await Promise.all(
            answers.map((_, n) => api().signIn(username, `password-${n}`)),
          );
          expect(signIns.map(({ code }) => code)).toEqual(
            answers.map((_, n) => (n === winner ? "7" : "5")),
          );
        }
      },
    );

    test("of one name in two normal forms at the same time succeeds once", async () => {
      const answers = await Promise.all(
        ["e\u0301cole", "\u00e9cole"].map((name) => api().signUp(name, PASSWORD)),
      );
      expect(answers.map(({ code }) => code).sort()).toEqual(["3", "7"]);
    });

    test("over the RPC makes a user who can sign in over HTTP", async () => {
      const username = newName();
      await shared.stack.user.signUp({ username, password: PASSWORD });
      expect((await api().signIn(username, PASSWORD)).code).toBe("7");
    });
  });

  describe("sign-in", () => {
    test("of an unknown user is answered with 4 and sets no cookie", async () => {
      const answer = await api().signIn(newName(), PASSWORD);
      expect([answer.code, answer.status]).toEqual(["4", 404]);
      expect(answer.headers.getSetCookie()).toEqual([]);
    });

    test("with a wrong password is answered with 5 and sets no cookie", async () => {
      const { username } = await newMember(shared.stack);
      const answer = await api().signIn(username, "wrong-pass");
      expect([answer.code, answer.status]).toEqual(["5", 401]);
      expect(answer.headers.getSetCookie()).toEqual([]);
    });

    test("does not end other sessions of the user", async () => {
      const member = await newMember(shared.stack);
      const other = await signInAgain(member);
      await api().signIn(member.username, "wrong-pass");
      expect((await member.api.userInfo()).code).toBe("7");
      expect((await other.signOut()).code).toBe("7");
      expect((await member.api.userInfo()).code).toBe("7");
      expect((await other.userInfo()).code).toBe("2");
    });

    test("ignores the session of its request", async () => {
      const one = await newMember(shared.stack);
      const other = await newMember(shared.stack);
      const signedIn = await one.api.signIn(other.username, other.password);
      const profile = profileOf(await api().withSession(sessionIdOf(signedIn)).userInfo());
      expect(profile.username).toBe(other.username);
      expect(profileOf(await one.api.userInfo()).username).toBe(one.username);
    });
  });
});
