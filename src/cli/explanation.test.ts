import { expect, test } from "bun:test";
import type { CallRecord } from "../gen/system.ts";
import { explanationText } from "./explanation.ts";

const AT = "2026-11-30T22:14:42.964Z";

function record(fields: Partial<CallRecord> & Pick<CallRecord, "tier" | "what">): CallRecord {
  const rest = { process: 1, requestId: "id", at: AT, ms: 260, steps: [], operations: [] };
  return { ...rest, outcome: "done", ...fields };
}

function explained(records: CallRecord[]): string | undefined {
  const explanation = { records, kept: records.length, maxKept: 2000, since: AT };
  const address = "127.0.0.1:9091";
  return explanationText("id", [{ address, explanation, error: undefined }])?.replace(/\s+/g, " ");
}

test("a refused call is explained by the reason, not by a look-up of the same time", () => {
  const reason = "Cannot hash in time: 36 hashes are ahead";
  const text = explained([
    record({ tier: "http", what: "POST /signin", outcome: "status 503", ms: 611, reason }),
    record({
      tier: "tcp",
      what: "User.signIn",
      outcome: "resource_exhausted",
      operations: [{ system: "mysql", name: "read user", ms: 237, isOver: true }],
    }),
  ]);
  expect(text).toContain(`In short: User.signIn: resource_exhausted. Reason: ${reason}.`);
});

test("a server that stood still is blamed, not the database that it waited for", () => {
  const text = explained([
    record({ tier: "http", what: "GET /user", outcome: "status 504", ms: 5000 }),
    record({
      tier: "tcp",
      what: "User.getUserInfo",
      outcome: "deadline_exceeded",
      ms: 8710,
      steps: [{ name: "the process stood still", ms: 8700 }],
      operations: [{ system: "mysql", name: "read user", ms: 8700, isOver: false }],
    }),
  ]);
  expect(text).toContain(
    "In short: the TCP server stood still for 8.7 s, during User.getUserInfo.",
  );
});

test("a server that was stopped when the call reached it is blamed", () => {
  const reason = "the process stood still for 24.4 s before it read the call";
  const text = explained([
    record({ tier: "http", what: "POST /signin", outcome: "status 504", ms: 5003 }),
    record({ tier: "tcp", what: "User.signIn", outcome: "cancelled", ms: 2, reason }),
  ]);
  expect(text).toContain(`In short: User.signIn: cancelled. Reason: on the TCP server, ${reason}.`);
});

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
