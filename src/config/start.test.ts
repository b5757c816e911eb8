import { expect, test } from "bun:test";
import { scripts } from "../../package.json" with { type: "json" };
import { MEMORY_ENVIRONMENT } from "./start.ts";

test.each(["http", "tcp"] as const)(
  "start:%s has what `bun run start` gives its workers",
  (tier) => {
    const assignments = scripts[`start:${tier}`].split(" ").filter((word) => word.includes("="));
    const given = Object.fromEntries(assignments.map((each) => each.split("=")));
    expect(given).toEqual({ NODE_ENV: "production", ...MEMORY_ENVIRONMENT });
  },
);
