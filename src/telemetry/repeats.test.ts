import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { type Line, Repeats } from "./repeats.ts";

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const WARN = 40;

/** The written lines, in order. `say()` reports a problem. */
function written() {
  const lines: object[] = [];
  const write = ({ event, fields }: Line) => void lines.push({ event, ...fields });
  const repeats = new Repeats(write);
  const say = (event: string, fields: object = {}) => {
    const now = repeats.take({ level: WARN, event, fields });
    if (now) write(now);
  };
  return { lines, say, repeats };
}

test("the first line of a reason comes at once, the others become one line a second with a count", () => {
  const { lines, say } = written();
  const err = new Error("refused", { cause: new Error("connect 127.0.0.1:6379") });
  for (let port = 0; port < 500; port++) say("read failed", { err, id: port });
  expect(lines).toEqual([{ event: "read failed", err, id: 0 }]);
  jest.advanceTimersByTime(1000);
  const reason = "refused: connect 127.0.0.1:6379";
  expect(lines.splice(0)).toContainEqual({ event: "read failed", reason, id: 499, count: 499 });
  for (let second = 0; second < 10; second++) {
    for (let port = 0; port < 500; port++) say("read failed", { err, id: port });
    jest.advanceTimersByTime(1000);
  }
  expect(lines).toEqual(
    Array.from({ length: 10 }, () => ({ event: "read failed", reason, id: 499, count: 500 })),
  );
});

test("a cause that the message already tells is not repeated", () => {
  const { lines, say, repeats } = written();
  const cause = new Error("Connection lost.");
  const err = new Error("Cannot read user: Connection lost", { cause });
  say("read failed", { err });
  say("read failed", { err });
  repeats.flush();
  const reason = "Cannot read user: Connection lost";
  expect(lines.at(-1)).toEqual({ event: "read failed", reason, count: 1 });
});

test("reasons that differ only in numbers and ids are one reason", () => {
  const { lines, say } = written();
  say("GET / 503", { reason: "no answer within 12 ms" });
  say("GET / 503", { reason: "no answer within 13 ms" });
  say("GET / 503", { reason: "Cannot reach 10.0.0.1:9091" });
  say("GET / 503", { reason: "Cannot reach 10.0.0.2:9092" });
  say("GET / 503", { reason: "session 6ba7b810-9dad-31d1-80b4-00c04fd430c8" });
  say("GET / 503", { reason: "session f47ac10b-58cc-3372-8567-0e02b2c3d479" });
  say("GET /x 503", { reason: "no answer within 12 ms" });
  expect(lines).toHaveLength(4);
});

test("the number of lines is bounded, even if each has a reason of its own", () => {
  const { lines, say } = written();
  const letters = "abcdefghijklmnopqrstuvwxyz";
  for (const one of letters) for (const other of letters) say(`event g${one}${other}`);
  expect(lines.length).toBeLessThan(110);
  jest.advanceTimersByTime(1000);
  expect(lines.length).toBeLessThan(110);
  expect(lines.reduce((sum, line) => sum + ("count" in line ? Number(line.count) : 1), 0)).toBe(
    letters.length ** 2,
  );
});

test("an error that comes back has no stack, unless a minute has passed", () => {
  const { lines, say } = written();
  const err = new Error("no");
  say("failed", { err });
  jest.advanceTimersByTime(5000);
  say("failed", { err });
  jest.advanceTimersByTime(62_000);
  say("failed", { err });
  expect(lines).toEqual([
    { event: "failed", err },
    { event: "failed", reason: "no" },
    { event: "failed", err },
  ]);
});

test("flush() writes the counted lines", () => {
  const { lines, say, repeats } = written();
  for (let times = 0; times < 5; times++) say("failed");
  repeats.flush();
  repeats.flush();
  expect(lines).toEqual([{ event: "failed" }, { event: "failed", count: 4 }]);
});

test("names in quotes, which a stranger may choose, do not use up the kinds", () => {
  const { lines, say } = written();
  for (let name = 0; name < 500; name++) {
    const letters = String.fromCharCode(97 + (name % 26), 97 + Math.floor(name / 26));
    say("closed a peer", { reason: `the server has no token of the caller "${letters}"` });
  }
  say("read failed", { reason: "refused" });
  expect(lines.map((line) => Reflect.get(line, "event"))).toEqual(["closed a peer", "read failed"]);
});
