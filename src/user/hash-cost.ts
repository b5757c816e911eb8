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

const REMEDY = "use argon2id:m=19456,t=2,p=1 or stronger";

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
