import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Child, Folder } from "./child.ts";

// `bun run start` and `bun run start:tcp` are for production: if a database is not named, they end
// instead of using SQLite.

// Processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const SERVERS = {
  DATABASE_URL: "mysql://u:p@127.0.0.1:1/portico",
  REDIS_URL: "redis://127.0.0.1:1",
};

test.each(["start", "start:tcp"])(
  "bun run %s ends with 1 if a database is not named",
  async (script) => {
    await using folder = await Folder.make();
    const DATA_DIR = join(folder.path, "data");
    for (const [given, problem] of [
      [{}, "DATABASE_URL and REDIS_URL must be set, as this is production"],
      [{ DATABASE_URL: SERVERS.DATABASE_URL }, "REDIS_URL must be set, as this is production"],
      [{ REDIS_URL: SERVERS.REDIS_URL }, "DATABASE_URL must be set, as this is production"],
      [{ ...SERVERS, DATABASE_URL: "" }, "DATABASE_URL is empty: give it a value"],
      [{ STORAGE: "embedded", REDIS_URL: "" }, "REDIS_URL is empty: give it a value"],
    ] as const) {
      const environment = { DATA_DIR, HTTP_PORT: "0", RPC_PORT: "0", ...given };
      await using child = new Child(script, { environment });
      expect(await child.exited()).toBe(1);
      const [line, ...more] = child.output.trim().split("\n");
      expect(line).toStartWith(problem);
      expect(more).toEqual([]);
    }
    expect(existsSync(DATA_DIR)).toBe(false);
  },
);
