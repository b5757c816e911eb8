// The TCP server as it is, but for leases that end soon.
import { configOrExit } from "../../src/config.ts";
import { runTier } from "../../src/lifecycle.ts";
import { createLog } from "../../src/log.ts";
import { startTcp } from "../../src/tcp-main.ts";
import { SHORT_LEASE_MS } from "./short-lease.ts";

const config = configOrExit(process.env);
const log = createLog("tcp", config.logLevel, false);
await runTier(log, () => startTcp(config, log, SHORT_LEASE_MS));
