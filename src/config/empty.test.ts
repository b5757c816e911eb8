import { describe, expect, test } from "bun:test";
import { MIGRATE, SEED } from "./commands.ts";
import { ConfigError, type Loader, load } from "./load.ts";
import { START } from "./start.ts";
import { TCP_TIER } from "./tcp.ts";
import { type Environment, VARIABLES, type VariableName } from "./variables.ts";

function problemsOf(loader: Loader<object>, environment: Environment): string[] {
  try {
    load(loader, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  return [];
}

const NAMES = Object.keys(VARIABLES) as VariableName[];

/** Listed here again, so that a test fails if the table stops refusing one of them. */
const NEVER_EMPTY: readonly VariableName[] = [
  ...(["PUBLIC_URL", "RPC_ADDRESSES", "RPC_TOKEN", "RPC_TOKENS"] as const),
  ...(["RPC_TLS_CERT", "RPC_TLS_KEY", "RPC_TLS_CA", "PASSWORD_PEPPER"] as const),
  ...(["DATA_DIR", "DATABASE_URL", "REDIS_URL", "AVATAR_URL"] as const),
  ...(["S3_ENDPOINT", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"] as const),
];
const BLANKS = ["", " ", "\n"];

describe("a variable that is empty", () => {
  test.each(NEVER_EMPTY)(
    "is an error if it is %s: data would move, or access would change",
    (name) => {
      const pair = "RPC_TLS_CERT and RPC_TLS_KEY must be set together";
      for (const blank of BLANKS) {
        const found = problemsOf(START, { [name]: blank }).filter((each) => each !== pair);
        expect(found).toEqual([
          expect.stringContaining(`${name} is empty: give it a value, or unset it`),
        ]);
      }
    },
  );

  test.each(NAMES.filter((name) => !NEVER_EMPTY.includes(name)))(
    "has its default if it is %s",
    (name) => {
      for (const blank of BLANKS) expect(load(START, { [name]: blank })).toEqual(load(START, {}));
    },
  );

  test("blanks around a value are ignored", () => {
    const environment = { HTTP_PORT: " 8080\n", RPC_TOKEN: "0123456789abcdef\n", DATA_DIR: "x " };
    expect(load(START, environment)).toMatchObject({
      http: { http: { port: 8080 }, rpcToken: "0123456789abcdef", dataDir: "x" },
    });
  });
});

describe("in production", () => {
  const NODE_ENV = "production";
  const DATABASE_URL = "mysql://user:s3cret@host/db";
  const REDIS_URL = "redis://host";
  const needed = (names: string) =>
    `${names} must be set, as this is production (NODE_ENV=production); or set STORAGE=embedded ` +
    "to keep users and sessions in SQLite in DATA_DIR. `bun run dev` needs neither";

  test("users and sessions are in SQLite only if STORAGE=embedded is set", () => {
    for (const loader of [TCP_TIER, START]) {
      expect(problemsOf(loader, { NODE_ENV })).toEqual([needed("DATABASE_URL and REDIS_URL")]);
      expect(problemsOf(loader, { NODE_ENV, DATABASE_URL })).toEqual([needed("REDIS_URL")]);
      expect(problemsOf(loader, { NODE_ENV, REDIS_URL })).toEqual([needed("DATABASE_URL")]);
      expect(problemsOf(loader, { NODE_ENV, DATABASE_URL, REDIS_URL })).toEqual([]);
      expect(problemsOf(loader, { NODE_ENV, STORAGE: "embedded" })).toEqual([]);
      expect(problemsOf(loader, { NODE_ENV, STORAGE: "embedded", DATABASE_URL })).toEqual([]);
      expect(problemsOf(loader, { NODE_ENV: "development" })).toEqual([]);
    }
  });

  test("migrate and seed need DATABASE_URL or STORAGE=embedded", () => {
    for (const loader of [MIGRATE, SEED]) {
      expect(problemsOf(loader, { NODE_ENV })).toEqual([needed("DATABASE_URL")]);
      expect(problemsOf(loader, { NODE_ENV, DATABASE_URL })).toEqual([]);
      expect(problemsOf(loader, { NODE_ENV, STORAGE: "embedded" })).toEqual([]);
    }
  });
});

test("no message repeats a secret of any variable", () => {
  const secrets = [
    "user:s3cret@host",
    "//user:s3cret@host:1/x",
    "http://h/?password=s3cret",
    "a\nb",
  ];
  for (const name of NAMES) {
    for (const value of secrets) {
      const found = problemsOf(START, { [name]: value });
      expect(found.join()).not.toContain("s3cret");
      // A line each, even so.
      for (const line of found) expect(line).toMatch(/^[A-Z\d_]+ /);
    }
  }
});
