// A broken TCP server, which the checker must find out: it fills the cache by a lease that it takes
// only when it has read the row, which is as good as none. Its readers are slow, so that hardly any
// fill is still right.
import { RedisSessions } from "../../src/storage/redis/sessions.ts";

const SLOWEST_FILL_MS = 100;

const { fill, open } = RedisSessions.prototype;

RedisSessions.prototype.fill = async function (profile) {
  await Bun.sleep(Math.random() * SLOWEST_FILL_MS);
  const late = await this.lease(profile.username);
  if (late !== undefined) await fill.call(this, profile, late);
};
RedisSessions.prototype.open = async function (sessionId, profile) {
  await open.call(this, sessionId, profile, await this.lease(profile.username));
};

await import("./quick-tcp-main.ts");
