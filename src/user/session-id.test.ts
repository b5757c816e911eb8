import { expect, test } from "bun:test";
import { newSessionId } from "./session-id.ts";

test("a session id is a UUID version 3 of RFC 9562, and no two are alike", () => {
  const ids = Array.from({ length: 10_000 }, () => newSessionId("gräce🙂"));
  for (const id of ids) {
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-3[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }
  expect(new Set(ids).size).toBe(ids.length);
});
