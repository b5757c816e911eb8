import { expect, test } from "bun:test";
import { Flag, FrameType } from "../rpc/wire/frame.ts";
import { FrameLog } from "./frame-log.ts";

const PEER = { host: "127.0.0.1", port: 9091 };

/** What is shown of each frame, without its time and size. */
function titlesOf(lines: readonly string[]): string[] {
  return lines.map((line) => line.slice("    1.0 ms ".length).replace(/ {2,}.*/, ""));
}

test("names the call of a frame, or the address if the frame belongs to no call", () => {
  const lines: string[] = [];
  const { tap } = new FrameLog((line) => lines.push(line));
  tap("sent", { type: FrameType.request, method: 4711, id: 1, timeoutMs: 9, body: "" }, PEER);
  tap("received", { type: FrameType.ping, id: 1, body: "" }, PEER);
  tap("sent", { type: FrameType.cancel, id: 1, body: "" }, PEER);
  tap("received", { type: FrameType.error, id: 0, body: "" }, PEER);
  tap("received", { type: 99, flags: Flag.optional, id: 1, body: "" }, PEER);
  expect(titlesOf(lines)).toEqual([
    "→ REQUEST 1 method 4711",
    "← PING 127.0.0.1:9091",
    "→ CANCEL 1 method 4711",
    "← ERROR 127.0.0.1:9091",
    "← type 99 127.0.0.1:9091",
  ]);
});

test("shortens a body to the width of the terminal", () => {
  const lines: string[] = [];
  const { tap } = new FrameLog((line) => lines.push(line), 30);
  tap("sent", { type: FrameType.hello, body: "x".repeat(17) }, PEER);
  tap("sent", { type: FrameType.hello, body: "x".repeat(18) }, PEER);
  expect(lines[1]).toBe(`${" ".repeat(13)}${"x".repeat(17)}`);
  expect(lines[3]).toBe(`${" ".repeat(13)}${"x".repeat(16)}…`);
});
