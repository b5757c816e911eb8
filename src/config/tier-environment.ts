// What Bun itself reads when a tier's process starts. The scripts `start:tcp` and `start:http` of
// package.json have the same, and a test holds them to it.

/**
 * Freed memory stays with the process for so many ms. Under load it is needed again before, and
 * to give it back and have the kernel clear other pages costs CPU time.
 */
const KEPT_MEMORY = { MIMALLOC_PURGE_DELAY: "20000" };

/** Variables for a process of each tier. */
export const TIER_ENVIRONMENT = {
  http: KEPT_MEMORY,
  // The collector believes in a machine of 512 MiB, which keeps the tier below 150 MB with 2,000
  // browsers, at up to 7 % more CPU time.
  tcp: { ...KEPT_MEMORY, BUN_JSC_forceRAMSize: "536870912" },
} as const;
