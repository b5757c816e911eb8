// A TCP server that pauses where an act of one owner of a name can meet the next owner, and where a
// sign-in can meet a change of the password.
import { MysqlUsers } from "../../src/storage/mysql/users.ts";
import { SingleRedisSessions } from "../../src/storage/redis/single-sessions.ts";

const SLOW_MS = 8;
const VERY_SLOW_MS = 300;
const VERY_SLOW_SHARE = 0.01;

/** Pauses that are not made: a read with too many of them is too late to fill the cache. */
const QUICK_SHARE = 0.6;

async function dawdle(): Promise<void> {
  if (Math.random() < QUICK_SHARE) return;
  await Bun.sleep(Math.random() < VERY_SLOW_SHARE ? VERY_SLOW_MS : Math.random() * SLOW_MS);
}

/** Pause before and after each call of a method. */
function slow<Store extends object>(prototype: Store, names: readonly (keyof Store)[]): void {
  for (const name of names) {
    const method: unknown = prototype[name];
    if (typeof method !== "function") throw new Error(`Cannot slow ${String(name)}`);
    Reflect.set(prototype, name, async function (this: Store, ...values: unknown[]) {
      await dawdle();
      const result: unknown = await Reflect.apply(method, this, values);
      await dawdle();
      return result;
    });
  }
}

slow(MysqlUsers.prototype, [
  "find",
  "insert",
  "delete",
  "replacePassword",
  "setNickname",
  "setProfilePath",
]);
slow(SingleRedisSessions.prototype, ["open", "list", "endAll"]);

await import("./quick-tcp-main.ts");
