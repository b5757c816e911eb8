// The TCP server with shorter leases.
import { loadOrExit } from "../../src/config/load.ts";
import { settingsOrExit } from "../../src/config/settings.ts";
import { TCP_TIER } from "../../src/config/tcp.ts";
import { runTier } from "../../src/process/lifecycle.ts";
import { startTcp } from "../../src/tcp-main.ts";
import { createLog } from "../../src/telemetry/log.ts";

/**
 * Shorter than a slow reader needs, and than most pauses between writes. So leases end while a
 * reader still holds them, and after an update the cache opens before the next one: with leases as
 * long as in production, users with constant writes would never be cached.
 */
const SHORT_LEASE_MS = 8;

const config = loadOrExit(TCP_TIER, settingsOrExit("tcp", process.env));
const log = createLog("tcp", config.logLevel, false);
await runTier(log, () => startTcp(config, log, { leaseMs: SHORT_LEASE_MS }));
