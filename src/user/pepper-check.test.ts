import { expect, test } from "bun:test";
import { checkPeppers } from "./pepper-check.ts";

/** Keeps the first value of each name, as a database does. */
function secrets() {
  const values = new Map<string, string>();
  const secret = async (name: string, make: () => string) => {
    const value = values.get(name) ?? make();
    values.set(name, value);
    return value;
  };
  return { values, secret };
}

test("a pepper is accepted again, and after a rotation, but not with another secret", async () => {
  const { values, secret } = secrets();
  const [old, current] = [
    { id: "2025", secret: "a pepper of last year" },
    { id: "2026", secret: "a pepper of this year" },
  ];
  await checkPeppers([], secret);
  await checkPeppers([old], secret);
  await checkPeppers([current, old], secret);
  await checkPeppers([current], secret);
  const changed = { id: "2026", secret: "a pepper of last year" };
  const error = await checkPeppers([old, changed], secret).catch((reason: unknown) => reason);
  expect(String(error)).toStartWith('Error: PASSWORD_PEPPER: the secret of "2026" is not the one');
  expect(String(error)).not.toContain(changed.secret);
  expect([...values]).toEqual([
    ["pepper-check-2025", expect.stringMatching(/^[0-9a-f]{4}$/)],
    ["pepper-check-2026", expect.stringMatching(/^[0-9a-f]{4}$/)],
  ]);
  values.delete("pepper-check-2026");
  await checkPeppers([changed], secret);
});
