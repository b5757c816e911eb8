// A TCP server that is broken on purpose, which the checker must detect: neither a deletion nor a
// sign-up ends the sessions of a user.
import { RedisSessions } from "../../src/storage/redis/sessions.ts";
import { SingleRedisSessions } from "../../src/storage/redis/single-sessions.ts";

const { invalidating } = RedisSessions.prototype;

RedisSessions.prototype.invalidating = async function <T>(
  this: RedisSessions,
  username: string,
  update: () => Promise<T>,
) {
  const result: T = await Reflect.apply(invalidating, this, [username, update]);
  return result;
};
SingleRedisSessions.prototype.end = async () => 0;

await import("./account-tcp-main.ts");
