import { expect, setDefaultTimeout, test } from "bun:test";
import { startStack } from "./stack.ts";
import { createFolder } from "./storage-pairs.ts";

// A slow machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

async function post(url: string, path: string, fields: Readonly<Record<string, string>>) {
  const response = await fetch(`${url}/api/entrytask/user/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(fields),
  });
  const { errCode } = (await response.json()) as { errCode: string };
  const detail = response.headers.get("X-Error-Detail");
  return { status: response.status, errCode, detail };
}

test("a change of password obeys the rules, and names the field of the new one", async () => {
  await using stack = await startStack({ PASSWORD_STRICT: "on" });
  const grace = { username: "grace", password: "hopper1906" };
  await stack.user.signUp(grace);
  const { sessionId } = await stack.user.signIn(grace);
  const change = (newPassword: string) =>
    stack.user.changePassword({ sessionId, oldPassword: grace.password, newPassword });
  for (const [newPassword, rule] of [
    ["sevens7", "8 to 13 code points"],
    ["starwars", "must not be a common password"],
  ] as const) {
    await expect(change(newPassword)).rejects.toMatchObject({
      status: "invalid_argument",
      message: `newPassword: ${rule}`,
    });
  }
  await stack.user.getUserInfo({ sessionId });
  await change("hopper1907");
});

test("a sign-up obeys the rules for new passwords, and a sign-in ignores them", async () => {
  await using folder = await createFolder();
  const old = { username: "alice", password: "1234" };
  {
    await using stack = await startStack({ DATA_DIR: folder.dataDir });
    await stack.user.signUp(old);
  }
  const environment = { DATA_DIR: folder.dataDir, PASSWORD_STRICT: "on", PASSWORD_MAX: "12" };
  await using stack = await startStack(environment);
  for (const [username, password, rule] of [
    ["grace", "hopper1", "8 to 12 code points"],
    ["grace", "hopper1906hop", "8 to 12 code points"],
    ["grace", "Password1", "must not be a common password"],
    ["grace.hopper", "Grace.Hopper", "must not be the username"],
    // The rules come first: the answer does not tell whether the name is taken.
    ["alice", "password", "must not be a common password"],
  ] as const) {
    expect(await post(stack.url, "signup", { username, password })).toEqual({
      status: 400,
      errCode: "6",
      detail: `password: ${rule}`,
    });
  }
  const grace = { username: "grace", password: "hopper1906" };
  expect(await post(stack.url, "signup", grace)).toMatchObject({ errCode: "7" });
  for (const user of [grace, old]) {
    expect(await post(stack.url, "signin", user)).toMatchObject({ errCode: "7" });
  }
});
