// A TCP server that is broken on purpose, which the checker must detect: a change of the password
// leaves no mark, so a sign-in is not told to read the row again.
import { RedisSessions } from "../../src/storage/redis/sessions.ts";
import { SingleRedisSessions } from "../../src/storage/redis/single-sessions.ts";

const { open } = SingleRedisSessions.prototype;

RedisSessions.prototype.invalidating = async function (username, update, ending) {
  const result = await update();
  if (ending && result) await this.endAll(username, ending.except);
  return result;
};
SingleRedisSessions.prototype.open = async function (session) {
  await open.call(this, session);
  return { mustRecheck: false };
};

await import("./account-tcp-main.ts");
