// The TCP server as it is, but for leases that end soon.
import { loadOrExit } from "../../src/config/load.ts";
import { TCP_TIER } from "../../src/config/tcp.ts";
import { runTier } from "../../src/process/lifecycle.ts";
import { startTcp } from "../../src/tcp-main.ts";
import { createLog } from "../../src/telemetry/log.ts";

/**
 * Less than a slow reader takes, and than most pauses between writes. So leases end while somebody
 * holds them, and after an update the cache opens before the next: with leases as long as the
 * product's, users who are written all the time would never be cached.
 */
const SHORT_LEASE_MS = 8;

const config = loadOrExit(TCP_TIER, process.env);
const log = createLog("tcp", config.logLevel, false);
await runTier(log, () => startTcp(config, log, SHORT_LEASE_MS));
