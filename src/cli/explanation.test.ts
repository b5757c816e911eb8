import { expect, test } from "bun:test";
import { explanationText } from "./explanation.ts";

test("a text that a peer has reported cannot command the terminal", () => {
  const record = {
    tier: "http",
    process: 4711,
    requestId: "one",
    at: "2026-11-30T12:00:00.000Z",
    what: "GET /\u001b[2Jpage",
    outcome: "status 503",
    reason: "lost\u0007 connection\u009b31m",
    ms: 12,
    steps: [],
    operations: [],
  } as const;
  const explanation = { records: [record], kept: 1, maxKept: 2000, since: record.at };
  const answer = { address: "127.0.0.1:9091", explanation, error: undefined };
  const text = explanationText("one", [answer]) ?? "";
  expect(text).toContain("connection");
  expect(text.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
});
