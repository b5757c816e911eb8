import type { PasswordScheme } from "./password.ts";

/** The cost of argon2id, with one lane. */
export interface HashCost {
  readonly memoryKib: number;
  readonly passes: number;
}

/** The least costs that OWASP's Password Storage Cheat Sheet allows, all about equally strong. */
export const OWASP_COSTS: readonly HashCost[] = [
  { memoryKib: 7_168, passes: 5 },
  { memoryKib: 9_216, passes: 4 },
  { memoryKib: 12_288, passes: 3 },
  { memoryKib: 19_456, passes: 2 },
  { memoryKib: 47_104, passes: 1 },
];

const REMEDY = "use argon2id:m=19456,t=2,p=1 or stronger; `bun run hash-cost` measures";

export function meetsOwasp({ memoryKib, passes }: HashCost): boolean {
  return OWASP_COSTS.some((least) => memoryKib >= least.memoryKib && passes >= least.passes);
}

/** Warnings about the configured scheme, for the operator: at most one. */
export function hashWarnings(config: { readonly passwordHash: PasswordScheme }): string[] {
  const { passwordHash } = config;
  if (passwordHash.name === "salted-md5") {
    return [`PASSWORD_HASH is salted-md5, whose passwords can be guessed fast: ${REMEDY}`];
  }
  if (meetsOwasp(passwordHash)) return [];
  return [`PASSWORD_HASH is weaker than the least that OWASP allows: ${REMEDY}`];
}

/** Costs to measure beyond OWASP's, the weakest first. */
const STRONGER_COSTS: readonly HashCost[] = [
  { memoryKib: 32_768, passes: 2 },
  { memoryKib: 47_104, passes: 2 },
  { memoryKib: 65_536, passes: 2 },
  { memoryKib: 65_536, passes: 3 },
  { memoryKib: 131_072, passes: 2 },
  { memoryKib: 131_072, passes: 3 },
  { memoryKib: 262_144, passes: 2 },
  { memoryKib: 262_144, passes: 3 },
  { memoryKib: 524_288, passes: 2 },
  { memoryKib: 524_288, passes: 3 },
];

export interface MeasuredCost extends HashCost {
  readonly hashesPerSecond: number;
}

export interface Measurement {
  /** The weakest first: a guess costs about memory times passes. */
  readonly measured: readonly MeasuredCost[];
  readonly strongest: MeasuredCost | undefined;
}

export interface MeasureOptions {
  /** How many hashes a second there must be. */
  readonly needed: number;
  /** The most memory of one hash. */
  readonly maxMemoryKib: number;
  /** Resolves to the hashes per second. */
  measure(cost: HashCost): Promise<number>;
}

/** Find the strongest cost that is fast enough, but none that is weaker than OWASP allows. */
export async function strongestCost(options: MeasureOptions): Promise<Measurement> {
  const { needed, maxMemoryKib, measure } = options;
  const measured: MeasuredCost[] = [];
  const reaches = ({ hashesPerSecond }: MeasuredCost) => hashesPerSecond >= needed;
  for (const cost of [...OWASP_COSTS, ...STRONGER_COSTS]) {
    if (cost.memoryKib > maxMemoryKib) continue;
    // The next cost is slower still.
    if (measured.length >= OWASP_COSTS.length && !measured.slice(-2).some(reaches)) break;
    measured.push({ ...cost, hashesPerSecond: await measure(cost) });
  }
  return { measured, strongest: measured.findLast(reaches) };
}
