import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  Api,
  ENDPOINTS,
  newMember,
  newName,
  nicknameOf,
  profileOf,
  sessionIdOf,
} from "./client.ts";
import { describePairs, sharedStack } from "./pairs.ts";
import { NICKNAMES, PASSWORDS, type Sample, USERNAMES } from "./texts.ts";

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

const PASSWORD = "hopper1906";

/** Lone surrogates have no form in UTF-8, so that a form cannot say them. */
const hasForm = ({ text }: Sample) => text.isWellFormed();
const titled = (samples: readonly Sample[]) =>
  samples.map(({ title, text }): [string, string] => [title, text]);

describePairs("texts", (pair) => {
  const shared = sharedStack(pair);
  const api = () => new Api(shared.stack.url);

  describe("a username", () => {
    test.each(titled(USERNAMES.good))(
      "of %s is taken, kept in NFC and signs in",
      async (_, name) => {
        expect((await api().signUp(name, PASSWORD)).code).toBe("7");
        const signedIn = await api().signIn(name, PASSWORD);
        expect(signedIn.code).toBe("7");
        const profile = profileOf(await api().withSession(sessionIdOf(signedIn)).userInfo());
        expect(profile.username).toBe(name.normalize("NFC"));
        expect(profile.nickname).toBe([...name.normalize("NFC")].slice(0, 8).join(""));
      },
    );

    test.each(titled(USERNAMES.bad))("with %s is refused", async (_, name) => {
      const signedUp = await api().signUp(name, PASSWORD);
      expect([signedUp.code, signedUp.status]).toEqual(["6", 400]);
      const signedIn = await api().signIn(name, PASSWORD);
      expect([signedIn.code, signedIn.status]).toEqual(["6", 400]);
    });

    test("is refused in a form for the same reasons as in JSON", async () => {
      for (const { title, text } of USERNAMES.bad.filter(hasForm)) {
        const fields = { username: text, password: PASSWORD };
        const answer = await api().postForm(ENDPOINTS.signUp.path, fields);
        expect(`${title}: ${answer.code}`).toBe(`${title}: 6`);
      }
    });
  });

  describe("a password", () => {
    test.each(titled(PASSWORDS.good))(
      "of %s signs in, and another does not",
      async (_, password) => {
        const name = newName();
        expect((await api().signUp(name, password)).code).toBe("7");
        expect((await api().signIn(name, password)).code).toBe("7");
        expect((await api().signIn(name, PASSWORD)).code).toBe("5");
      },
    );

    test.each(titled(PASSWORDS.bad))("with %s is refused", async (_, password) => {
      const name = newName();
      const signedUp = await api().signUp(name, password);
      expect([signedUp.code, signedUp.status]).toEqual(["6", 400]);
      const signedIn = await api().signIn(name, password);
      expect([signedIn.code, signedIn.status]).toEqual(["6", 400]);
    });

    test("is the same from a form as from JSON", async () => {
      for (const { title, text } of PASSWORDS.good) {
        const username = newName();
        const answer = await api().postForm(ENDPOINTS.signUp.path, { username, password: text });
        expect(`${title}: ${answer.code}`).toBe(`${title}: 7`);
        expect((await api().signIn(username, text)).code).toBe("7");
      }
      for (const { title, text } of PASSWORDS.bad.filter(hasForm)) {
        const fields = { username: newName(), password: text };
        const answer = await api().postForm(ENDPOINTS.signUp.path, fields);
        expect(`${title}: ${answer.code}`).toBe(`${title}: 6`);
      }
    });

    test("of a form that is not UTF-8 is refused", async () => {
      for (const password of ["%FF%FE%FD%FC", "%C0%AFab", "abc%ED%A0%80"]) {
        const answer = await api().send("POST", ENDPOINTS.signUp.path, {
          headers: { "Content-Type": "application/x-www-form-urlencoded" },
          body: `username=${newName()}&password=${password}`,
        });
        expect([password, answer.code, answer.status]).toEqual([password, "6", 400]);
      }
    });

    test("differs by case, accent and trailing space", async () => {
      const name = newName();
      await api().signUp(name, "passé wörd");
      for (const other of ["Passé wörd", "passe wörd", "passé wörd ", " passé wörd", "passéwörd"]) {
        expect((await api().signIn(name, other)).code).toBe("5");
      }
      expect((await api().signIn(name, "passé wörd")).code).toBe("7");
    });

    test("in composed letters equals the same in decomposed ones", async () => {
      const name = newName();
      await api().signUp(name, "e\u0301te\u0301 2024");
      expect((await api().signIn(name, "\u00e9t\u00e9 2024")).code).toBe("7");
    });
  });

  describe("a nickname", () => {
    test.each(titled(NICKNAMES.good))("of %s is answered and kept in NFC", async (_, nickname) => {
      const { api: member, sessionId } = await newMember(shared.stack);
      const answer = await member.nickname(nickname);
      expect([answer.code, answer.data]).toEqual(["7", nickname.normalize("NFC")]);
      expect(await nicknameOf(member)).toBe(nickname.normalize("NFC"));
      const seen = await shared.stack.user.getUserInfo({ sessionId });
      expect(seen.nickname).toBe(nickname.normalize("NFC"));
    });

    test("outside the rules is refused and changes nothing", async () => {
      const { api: member, username } = await newMember(shared.stack);
      for (const { title, text } of NICKNAMES.bad) {
        const answer = await member.nickname(text);
        expect(`${title}: ${answer.code} ${answer.status}`).toBe(`${title}: 6 400`);
        expect(await nicknameOf(member)).toBe(username.slice(0, 8));
      }
    });

    test("is the same from a form as from JSON", async () => {
      const { api: member } = await newMember(shared.stack);
      for (const { title, text } of NICKNAMES.good) {
        const answer = await member.postForm(ENDPOINTS.nickname.path, { nickname: text });
        expect([title, answer.data]).toEqual([title, text.normalize("NFC")]);
        expect([title, await nicknameOf(member)]).toEqual([title, text.normalize("NFC")]);
      }
      for (const { title, text } of NICKNAMES.bad.filter(hasForm)) {
        const answer = await member.postForm(ENDPOINTS.nickname.path, { nickname: text });
        expect([title, answer.code]).toEqual([title, "6"]);
      }
    });
  });

  describe("names are compared byte for byte", () => {
    // Equal to one of the usual collations of MySQL or to LIKE, NOCASE or a trimmed comparison.
    test.each([
      ["letters that differ in case", "Alice", "alice"],
      ["accents", "renée", "renee"],
      ["a sharp s", "straße", "strasse"],
      ["fullwidth letters", "ａｄａｌ", "adal"],
      ["digits of another script", "nr٣٤", "nr34"],
      ["a Turkish i", "ınci", "inci"],
      ["kana of another size", "きやつと", "きゃつと"],
      ["hiragana and katakana", "さくらこ", "サクラコ"],
      ["a wildcard of LIKE", "a_bc", "axbc"],
      ["letters outside the BMP", "\u{20010}".repeat(4), "\u{20011}".repeat(4)],
      ["digits with zeros before", "0012", "00012"],
    ])("%s make another user", async (_, one, other) => {
      expect((await api().signUp(one, "first-pass")).code).toBe("7");
      expect((await api().signIn(other, "first-pass")).code).toBe("4");
      expect((await api().signUp(other, "second-pass")).code).toBe("7");
      expect((await api().signIn(one, "second-pass")).code).toBe("5");
      const signedIn = await api().signIn(other, "second-pass");
      const profile = profileOf(await api().withSession(sessionIdOf(signedIn)).userInfo());
      expect(profile.username).toBe(other);
    });

    test.each([
      ["a decomposed letter", "ele\u0300ve", "el\u00e8ve"],
      ["decomposed Hangul", "\u1112\u1169\u11bc".repeat(4), "홍".repeat(4)],
      ["the sign of the unit ångström", "\u212bngs", "\u00c5ngs"],
    ])("%s makes the same user in either form", async (_, one, other) => {
      expect((await api().signUp(one, PASSWORD)).code).toBe("7");
      expect((await api().signUp(other, PASSWORD)).code).toBe("3");
      for (const name of [one, other]) {
        const signedIn = await api().signIn(name, PASSWORD);
        const profile = profileOf(await api().withSession(sessionIdOf(signedIn)).userInfo());
        expect(profile.username).toBe(other);
      }
    });
  });
});
