import { attempt } from "./attempt.ts";
import type { MigrationEvents } from "./migration.ts";
import { MysqlHosts } from "./mysql/hosts.ts";
import { migrateMysql } from "./mysql/migrate.ts";
import { MysqlMoveTarget } from "./mysql/move-target.ts";
import { openMoveRedis, placeOf } from "./redis/move-client.ts";
import { RedisMoveTarget } from "./redis/move-target.ts";

/** Open and migrate the database that users move into. @throws {StorageError} */
export async function openUserTarget(
  databaseUrl: string,
  events: MigrationEvents,
): Promise<MysqlMoveTarget> {
  const hosts = new MysqlHosts(databaseUrl);
  const name = `MySQL at ${hosts.addresses}${new URL(hosts.currentUrl).pathname}`;
  await attempt(`migrate ${name} (DATABASE_URL)`, () => migrateMysql(hosts, events));
  return MysqlMoveTarget.open(name, hosts);
}

/** Open the Redis that sessions move into. @throws {StorageError} */
export async function openSessionTarget(redisUrl: string): Promise<RedisMoveTarget> {
  const name = placeOf(redisUrl);
  return new RedisMoveTarget(
    name,
    await attempt(`open ${name} (REDIS_URL)`, () => openMoveRedis(redisUrl)),
  );
}
