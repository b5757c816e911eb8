import { describe, expect, test } from "bun:test";
import { type HashCost, hashWarnings, OWASP_COSTS, strongestCost } from "./hash-cost.ts";

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

describe("strongestCost()", () => {
  /** A machine whose hashes take time in proportion to memory and passes. */
  function machine(needed: number, maxMemoryKib = Number.POSITIVE_INFINITY) {
    const costs: HashCost[] = [];
    const measure = async (cost: HashCost) => {
      costs.push(cost);
      return 10_000_000 / (cost.memoryKib * cost.passes);
    };
    return { costs, found: strongestCost({ needed, maxMemoryKib, measure }) };
  }

  test("is the last that is fast enough, after two that are not", async () => {
    const { costs, found } = machine(100);
    const { strongest, measured } = await found;
    // 94,208 for each hash; the next has 131,072.
    expect(strongest).toMatchObject({ memoryKib: 47_104, passes: 2 });
    expect(measured.map(({ memoryKib, passes }) => ({ memoryKib, passes }))).toEqual(costs);
    expect(costs.slice(-2)).toEqual([
      { memoryKib: 65_536, passes: 2 },
      { memoryKib: 65_536, passes: 3 },
    ]);
  });

  test("is none if OWASP's costs are too slow, and measures no other", async () => {
    const { costs, found } = machine(1_000_000);
    expect((await found).strongest).toBeUndefined();
    expect(costs).toEqual([...OWASP_COSTS]);
  });

  test("measures each cost, the weakest first, if all are fast enough", async () => {
    const { costs, found } = machine(1);
    expect((await found).strongest).toMatchObject({ memoryKib: 524_288, passes: 3 });
    const guesses = costs.map(({ memoryKib, passes }) => memoryKib * passes);
    expect(guesses).toEqual(guesses.toSorted((one, other) => one - other));
    expect(costs.every((cost) => hashWarnings({ passwordHash: argon(cost) }).length === 0)).toBe(
      true,
    );
  });

  test("leaves out costs that need too much memory", async () => {
    const { costs, found } = machine(1, 20_000);
    expect((await found).strongest).toMatchObject({ memoryKib: 19_456, passes: 2 });
    expect(costs).toHaveLength(4);
  });
});

function argon(cost: HashCost) {
  return { name: "argon2id", lanes: 1, ...cost } as const;
}
