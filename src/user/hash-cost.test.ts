import { describe, expect, test } from "bun:test";
import { hashWarnings, OWASP_COSTS } from "./hash-cost.ts";

function argon2id(memoryKib: number, passes: number, lanes = 1) {
  return { passwordHash: { name: "argon2id", memoryKib, passes, lanes } } as const;
}

describe("hashWarnings()", () => {
  test("are none for each cost of OWASP's table, and for stronger ones", () => {
    for (const { memoryKib, passes } of OWASP_COSTS) {
      expect(hashWarnings(argon2id(memoryKib, passes))).toEqual([]);
      expect(hashWarnings(argon2id(memoryKib + 1, passes + 1, 4))).toEqual([]);
    }
  });

  test("name salted-md5, and costs below the table, on one line", () => {
    expect(hashWarnings({ passwordHash: { name: "salted-md5" } })).toEqual([
      expect.stringMatching(/^PASSWORD_HASH is salted-md5, .*argon2id.*$/),
    ]);
    for (const [memoryKib, passes] of [
      ...[
        [47_103, 1],
        [19_455, 2],
        [12_287, 3],
        [9_215, 4],
        [7_167, 5],
        [7_167, 99],
      ],
    ] as const) {
      expect(hashWarnings(argon2id(memoryKib, passes))).toEqual([
        expect.stringMatching(/^PASSWORD_HASH is weaker than .*$/),
      ]);
    }
  });
});
