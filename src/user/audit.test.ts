import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { recordingLog } from "../../test/storage-pairs.ts";
import { type AuditLine, audit } from "./audit.ts";

const WHOLE: Required<AuditLine> = {
  event: "sign_in",
  outcome: "failure",
  reason: "wrong_password",
  username: "grace",
  address: "203.0.113.7",
  device: 'Firefox "1"\n',
  session: "0123456789abcdef0123456789abcdef",
  ended: 2,
  target: "203.0.113.8",
  by: "admin",
  caller: "http",
  requestId: "r-1",
};

describe("audit()", () => {
  test("writes one line at info, with its fields in a fixed order", () => {
    const { log, messages, lines } = recordingLog();
    audit(log, WHOLE);
    expect(messages).toEqual(["info audit"]);
    const line = lines[0] ?? "";
    expect(JSON.parse(line)).toMatchObject(WHOLE);
    const names = Object.keys(JSON.parse(line)).filter((name) => name in WHOLE);
    expect(names).toEqual(Object.keys(WHOLE));
    expect(line.trimEnd()).not.toContain("\n");
  });

  test("leaves out what is not known", () => {
    const { log, lines } = recordingLog();
    audit(log, { event: "sign_up", outcome: "success", username: undefined, requestId: "" });
    const fields = JSON.parse(lines[0] ?? "");
    expect(Object.keys(fields)).not.toContain("username");
    expect(fields).toMatchObject({ event: "sign_up", outcome: "success", requestId: "" });
  });

  test("writes nothing if the level is above info", () => {
    const { log, lines } = recordingLog("warn");
    audit(log, WHOLE);
    expect(lines).toEqual([]);
  });

  test("docs/accounts.md lists every field", async () => {
    const page = await Bun.file(join(import.meta.dir, "../../docs/accounts.md")).text();
    const listed = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    for (const name of Object.keys(WHOLE)) expect(listed).toContain(name);
  });
});
