// A TCP server that pauses where races can happen: readers between reading the row and filling the
// cache, writers before and after the update. Leases and marks must make these races harmless.
import { MysqlUsers } from "../../src/storage/mysql/users.ts";
import { RedisSessions } from "../../src/storage/redis/sessions.ts";

const SLOW_MS = 20;
/** Longer than Redis needs to come back empty. */
const VERY_SLOW_MS = 1_000;
const VERY_SLOW_SHARE = 0.05;

const dawdle = () =>
  Bun.sleep(Math.random() < VERY_SLOW_SHARE ? VERY_SLOW_MS : Math.random() * SLOW_MS);

const { fill } = RedisSessions.prototype;
const { setNickname } = MysqlUsers.prototype;

RedisSessions.prototype.fill = async function (profile, lease) {
  await dawdle();
  await fill.call(this, profile, lease);
};
MysqlUsers.prototype.setNickname = async function (username, nickname, id) {
  await dawdle();
  const isFound = await setNickname.call(this, username, nickname, id);
  await dawdle();
  return isFound;
};

await import("./quick-tcp-main.ts");
