// A TCP server that is broken on purpose, which the checker must detect: it takes its lease only
// after it has read the row, so the lease protects nothing. Its readers are slow, so most fills are
// stale.
import { RedisSessions } from "../../src/storage/redis/sessions.ts";
import { SingleRedisSessions } from "../../src/storage/redis/single-sessions.ts";

const SLOWEST_FILL_MS = 100;

const { fill } = RedisSessions.prototype;
const { open } = SingleRedisSessions.prototype;

RedisSessions.prototype.fill = async function (profile) {
  await Bun.sleep(Math.random() * SLOWEST_FILL_MS);
  const late = await this.lease(profile.username);
  if (late !== undefined) await fill.call(this, profile, late);
};
SingleRedisSessions.prototype.open = async function (session) {
  return open.call(this, { ...session, lease: await this.lease() });
};

await import("./quick-tcp-main.ts");
