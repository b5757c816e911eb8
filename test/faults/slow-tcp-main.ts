// A TCP server that is slow between the read of a row and the fill of the cache, which is where an
// update gets in. The lease makes that harmless. With `--without-lease` it fills by a lease that it
// takes only then, which is as good as none: what the checker must find out.
import { configOrExit } from "../../src/config.ts";
import { runTier } from "../../src/lifecycle.ts";
import { createLog } from "../../src/log.ts";
import { RedisSessions } from "../../src/storage/redis-sessions.ts";
import { startTcp } from "../../src/tcp-main.ts";

const SLOWEST_FILL_MS = 30;

const isLeased = !process.argv.includes("--without-lease");
const { fill, open } = RedisSessions.prototype;

RedisSessions.prototype.fill = async function (profile, lease) {
  await Bun.sleep(Math.random() * SLOWEST_FILL_MS);
  const standing = isLeased ? lease : await this.lease(profile.username);
  if (standing !== undefined) await fill.call(this, profile, standing);
};
RedisSessions.prototype.open = async function (sessionId, profile, lease) {
  const standing = isLeased ? lease : await this.lease(profile.username);
  await open.call(this, sessionId, profile, standing);
};

const config = configOrExit(process.env);
const log = createLog("tcp", config.logLevel, false);
await runTier(log, () => startTcp(config, log));
