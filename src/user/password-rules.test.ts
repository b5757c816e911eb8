import { describe, expect, test } from "bun:test";
import { commonPasswords, LIST } from "../../test/common-passwords.ts";
import { RpcError } from "../rpc/error.ts";
import { Passwords } from "./password.ts";
import { PasswordRules } from "./password-rules.ts";

const LENGTHS = { min: 6, max: 10, isStrict: false };
const STRICT = { min: 4, max: 13, isStrict: true };

/** Twelve UTF-16 units and six code points, in NFC and in NFD. */
const FLAGS = "🇫🇷🇩🇪🇯🇵";
const ACCENTS = "éèàùçî";

describe("PasswordRules", () => {
  test("count code points after NFC, and take both limits", () => {
    const rules = new PasswordRules(LENGTHS);
    for (const password of ["sixsix", "ten-digits", FLAGS, ACCENTS, ACCENTS.normalize("NFD")]) {
      expect(rules.brokenBy(password, "grace")).toBeUndefined();
    }
    for (const password of ["", "fives", "🙂🙂🙂🙂🙂", "eleven-char", ACCENTS + ACCENTS]) {
      expect(rules.brokenBy(password, "grace")).toBe("6 to 10 code points");
    }
    const one = new PasswordRules({ min: 13, max: 13, isStrict: false });
    expect(one.brokenBy("twelve-chars", "grace")).toBe("13 code points");
  });

  test("refuse common passwords of every length, in any case, only if they are strict", () => {
    for (const password of ["1234", "dragon", "password", "Password", "1QAZ2WSX", "qwertyuiop"]) {
      expect(new PasswordRules(STRICT).brokenBy(password, "grace")).toBe(
        "must not be a common password",
      );
      expect(new PasswordRules({ ...STRICT, isStrict: false }).brokenBy(password, "grace")).toBe(
        undefined,
      );
    }
    for (const password of ["hopper1906", "", "MIT", "# 123", "Copyright"]) {
      const rules = new PasswordRules({ ...STRICT, min: 0 });
      expect(rules.brokenBy(password, "grace")).toBeUndefined();
    }
  });

  test("refuse the username, in any case and form, only if they are strict", () => {
    const rules = new PasswordRules(STRICT);
    const username = "Élodie_1990";
    for (const password of [username, "élodie_1990", username.normalize("NFD")]) {
      expect(rules.brokenBy(password, username)).toBe("must not be the username");
      expect(new PasswordRules({ ...STRICT, isStrict: false }).brokenBy(password, username)).toBe(
        undefined,
      );
    }
    expect(rules.brokenBy("Élodie_1991", username)).toBeUndefined();
  });
});

describe("the list of common passwords", () => {
  test("is what the package has now, with its licence", async () => {
    expect(await Bun.file(LIST).text()).toBe(await commonPasswords());
  });

  test("has the 3,000 most common ones, of all lengths and of 8 or more", async () => {
    const text = await Bun.file(LIST).text();
    const [comment = "", ...rest] = text.split("\n\n");
    expect(comment).toMatch(/^# Common.*MIT.*Copyright \(c\) 2012-2016 Dan Wheeler/s);
    const passwords = rest.join("\n\n").trimEnd().split("\n");
    expect(passwords.every((each) => /^[!-~]{4,13}$/.test(each))).toBe(true);
    expect(passwords.filter((each) => each.length >= 8)).toHaveLength(3000);
    expect(passwords.length).toBeGreaterThan(5000);
    expect(new Set(passwords).size).toBe(passwords.length);
  });
});

describe("Passwords.throwIfRefused()", () => {
  const CLASSIC = { name: "salted-md5" } as const;

  test("names the field and the rule, and not the password", () => {
    const passwords = new Passwords(CLASSIC, { rules: STRICT });
    const refused = () => passwords.throwIfRefused("newPassword", "letmein", "grace");
    expect(refused).toThrow(
      new RpcError("invalid_argument", "newPassword: must not be a common password", {
        processed: false,
      }),
    );
    expect(refused).toThrow(RpcError);
    passwords.throwIfRefused("newPassword", "hopper1906", "grace");
  });

  test("refuses nothing if there are no rules", () => {
    new Passwords(CLASSIC).throwIfRefused("password", "1234", "1234");
  });
});
