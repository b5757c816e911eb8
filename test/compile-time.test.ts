import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { Folder, ROOT } from "./child.ts";

// Programs that must not compile, and what the compiler says.

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

interface Program {
  readonly title: string;
  readonly text: string;
  /** The compiler's first message and its line in `text`; undefined if the program compiles. */
  readonly says?: readonly [line: number, message: string];
}

const CLIENT = `
import type { UserClient } from "${ROOT}/src/gen/user.ts";
declare const user: UserClient;`;

const SERVICE = `
import type { UserService } from "${ROOT}/src/gen/user.ts";
declare const others: Omit<UserService, "signIn">;`;

const CATCH = `${CLIENT}
import { SIGN_IN } from "${ROOT}/src/gen/user.ts";
import { isErrorOf } from "${ROOT}/src/rpc/method.ts";
export async function signIn(username: string, password: string): Promise<string> {
  try {
    return (await user.signIn({ username, password })).sessionId;
  } catch (error) {
    if (!isErrorOf(SIGN_IN, error)) throw error;`;

const PAGE = `
import { api } from "${ROOT}/public/api.js";
export async function signIn(username: string, password: string): Promise<string> {
  const result = await api.signIn({ username, password });
  switch (result.tag) {
    case "success":
    case "PasswordError":
    case "ServerError":
    case "DataBaseError":
    case "InvalidParamsError":
    case "TooOften":
    case "TooSlow":
    case "Unreachable":
    case "WrongAddress":
    case "NotUnderstood":`;

const PROGRAMS: readonly Program[] = [
  {
    title: "a call with its request",
    text: `${CLIENT}
const { sessionId } = await user.signIn({ username: "grace", password: "hopper1906" });
export const length: number = sessionId.length;`,
  },
  {
    title: "a call that lacks a field",
    text: `${CLIENT}
await user.signIn({ username: "grace" });`,
    says: [
      4,
      "Property 'password' is missing in type '{ username: string; }' but required in type",
    ],
  },
  {
    title: "a call with a field of the wrong type",
    text: `${CLIENT}
await user.updateNickname({ sessionId: "…", nickname: 7 });`,
    says: [4, "Type 'number' is not assignable to type 'string'."],
  },
  {
    title: "a call with a field that its message does not have",
    text: `${CLIENT}
await user.signOut({ sessionId: "…", everywhere: true });`,
    says: [4, "'everywhere' does not exist in type 'OwnSession'."],
  },
  {
    title: "a field that the reply does not have",
    text: `${CLIENT}
const { email } = await user.getUserInfo({ sessionId: "…" });
export { email };`,
    says: [4, "Property 'email' does not exist on type 'Profile'."],
  },
  {
    title: "a service that answers every method",
    text: `${SERVICE}
export const service: UserService = {
  ...others,
  async signIn({ username }, context) {
    if (username === "nobody") throw context.error("UserNotExistError");
    return { sessionId: username };
  },
};`,
  },
  {
    title: "a service without one of its methods",
    text: `${SERVICE}
export const service: UserService = { ...others };`,
    says: [4, "Property 'signIn' is missing in type"],
  },
  {
    title: "a method that answers something else",
    text: `${SERVICE}
export const service: UserService = {
  ...others,
  async signIn() {
    return { session: "…" };
  },
};`,
    says: [
      6,
      "'sessionId' is missing in type '{ session: string; }' but required in type 'SignedIn'.",
    ],
  },
  {
    title: "a method that throws an error that it does not declare",
    text: `${SERVICE}
export const service: UserService = {
  ...others,
  async signIn(_request, context) {
    throw context.error("UserExistedError");
  },
};`,
    says: [7, `'"UserExistedError"' is not assignable to parameter of type '"PasswordError"`],
  },
  {
    title: "a switch over every error of a method",
    text: `${CATCH}
    switch (error.code) {
      case "UserNotExistError":
        return "unknown";
      case "PasswordError":
        return "wrong";
    }
  }
}`,
  },
  {
    title: "a switch that forgets an error of a method",
    text: `${CATCH}
    switch (error.code) {
      case "UserNotExistError":
        return "unknown";
      default:
        throw error.code satisfies never;
    }
  }
}`,
    says: [15, `Type '"PasswordError"' does not satisfy the expected type 'never'.`],
  },
  {
    title: "a switch with an error that the method does not have",
    text: `${CATCH}
    switch (error.code) {
      case "UserExistedError":
        return "taken";
      default:
        return "other";
    }
  }
}`,
    says: [12, `Type '"UserExistedError"' is not comparable to type`],
  },
  {
    title: "a page that knows every result of a request",
    text: `${PAGE}
    case "UserNotExistError":
      return "";
  }
}`,
  },
  {
    title: "a page that forgets a result of a request",
    text: `${PAGE}
      return "";
    default:
      return result.tag satisfies never;
  }
}`,
    says: [18, `Type '"UserNotExistError"' does not satisfy the expected type 'never'.`],
  },
  {
    title: "a page that reads what was not answered",
    text: `
import { api } from "${ROOT}/public/api.js";
const result = await api.getUserInfo();
export const name: string = result.data.username;`,
    says: [4, "Property 'data' does not exist on type"],
  },
  {
    title: "a page that sends a field of the wrong type",
    text: `
import { api } from "${ROOT}/public/api.js";
await api.updateNickname({ nickname: 7 });`,
    says: [3, "Type 'number' is not assignable to type 'string'."],
  },
];

/** The compiler's messages by program. One run for all, because most of its work is the same. */
async function compile(): Promise<Map<number, string>> {
  await using folder = await Folder.make();
  await symlink(join(ROOT, "node_modules"), join(folder.path, "node_modules"));
  const config = { extends: join(ROOT, "tsconfig.json"), include: ["*.ts"] };
  await Bun.write(join(folder.path, "tsconfig.json"), JSON.stringify(config));
  for (const [index, { text }] of PROGRAMS.entries()) {
    await Bun.write(join(folder.path, `program-${index}.ts`), text);
  }
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const command = [process.execPath, tsc, "-p", ".", "--pretty", "false"];
  const compiler = Bun.spawn(command, { cwd: folder.path, stdout: "pipe", stderr: "inherit" });
  const output = await new Response(compiler.stdout).text();
  await compiler.exited;
  const complaints = new Map<number, string>();
  for (const complaint of output.split(/^(?=\S)/m)) {
    const [, index = ""] = /^program-(\d+)\.ts/.exec(complaint) ?? [];
    if (index === "") throw new Error(`The compiler says of another file: ${output}`);
    const before = complaints.get(Number(index)) ?? "";
    complaints.set(Number(index), before + complaint);
  }
  return complaints;
}

describe("the compiler", () => {
  let complaints: Map<number, string>;
  beforeAll(async () => {
    complaints = await compile();
  });
  afterAll(() => complaints.clear());

  test.each(PROGRAMS.map((program, index) => [program.title, index, program] as const))(
    "judges %s",
    (_, index, { says }) => {
      const complaint = complaints.get(index) ?? "";
      if (!says) return expect(complaint).toBe("");
      const [line, message] = says;
      expect(complaint).toStartWith(`program-${index}.ts(${line},`);
      expect(complaint).toContain(message);
    },
  );
});
