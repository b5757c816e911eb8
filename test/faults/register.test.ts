import { describe, expect, test } from "bun:test";
import { Register } from "./register.ts";

// Which reads the checker accepts and which it reports: a checker that reports nothing proves
// nothing.

function acknowledged(register: Register, value: string): void {
  register.beginWrite(value)("acknowledged");
}

const read = (register: Register, value: string) => register.beginRead()(value);

describe("a read", () => {
  test("of the last acknowledged value is right, of any earlier one is stale", () => {
    const register = new Register("0");
    expect(read(register, "0")).toBeUndefined();
    acknowledged(register, "1");
    expect(read(register, "1")).toBeUndefined();
    expect(read(register, "0")).toBe("0 is read, after 1 was known to be newer");
    expect(register.history.at(-1)).toEndWith("0 is read, by a read that began at event 9");
  });

  test("that began before an acknowledgement may still show the value before it", () => {
    const register = new Register("0");
    const end = register.beginRead();
    acknowledged(register, "1");
    expect(end("0")).toBeUndefined();
  });

  test("may show a write that is under way, or not", () => {
    const register = new Register("0");
    const end = register.beginWrite("1");
    expect(read(register, "1")).toBeUndefined();
    expect(read(register, "0")).toBeUndefined();
    end("acknowledged");
    expect(read(register, "0")).toBeString();
  });

  test("may show a write of unknown outcome at any later time, or never", () => {
    const register = new Register("0");
    register.beginWrite("late")("unknown");
    acknowledged(register, "1");
    expect(read(register, "1")).toBeUndefined();
    expect(read(register, "late")).toBeUndefined();
    expect(read(register, "1")).toBeUndefined();
    expect(read(register, "0")).toBeString();
  });

  test("of a value that was never written, or whose write was refused, is wrong", () => {
    const register = new Register("0");
    register.beginWrite("refused")("refused");
    expect(read(register, "refused")).toBe("refused is read, whose write was refused");
    expect(read(register, "x")).toBe("x is read, which was never written");
  });

  test("of one of two writes that overlapped settles their order for all later reads", () => {
    for (const [last, first] of [["1", "2"] as const, ["2", "1"] as const]) {
      const register = new Register("0");
      const ends = [register.beginWrite("1"), register.beginWrite("2")];
      for (const end of ends) end("acknowledged");
      const during = register.beginRead();
      expect(read(register, last)).toBeUndefined();
      expect(read(register, last)).toBeUndefined();
      expect(read(register, first)).toBe(`${first} is read, after ${last} was known to be newer`);
      // It began before the order was known.
      expect(during(first)).toBeUndefined();
    }
  });
});
