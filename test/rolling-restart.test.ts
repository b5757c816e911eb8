import { expect, setDefaultTimeout, test } from "bun:test";
import { Authority, available as hasOpenssl } from "./certificates.ts";
import { Folder } from "./child.ts";
import { available as hasHaproxy, startHaproxy } from "./haproxy.ts";
import { sharedAvailable as hasMariaDb, sharedMariaDb } from "./mariadb.ts";
import { available as hasNginx, startNginx } from "./nginx.ts";
import { sharedAvailable as hasRedis, sharedRedis } from "./redis.ts";
import { RollingSite } from "./rolling-site.ts";
import { StrictLoad } from "./strict-load.ts";

// The update of docs/deploy.md, at a low load. `test/faults/rolling-restart-main.ts` does it at a
// high one.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const canRun = hasOpenssl && hasHaproxy && hasNginx && hasMariaDb && hasRedis;
const LOAD = { browsers: 4, pauseMs: 100 };

test.skipIf(!canRun)(
  "every process is restarted in turn behind nginx and HAProxy, and no request fails",
  async () => {
    await using folder = await Folder.make();
    const authority = await Authority.create(folder.path, "authority");
    const certificate = await authority.sign("server", "IP:127.0.0.1");
    const environment = {
      DATA_DIR: folder.path,
      DATABASE_URL: await (await sharedMariaDb()).createDatabase(),
      REDIS_URL: await (await sharedRedis()).createDatabase(),
      PASSWORD_HASH: "salted-md5",
      TRUSTED_PROXIES: "loopback",
    };
    await using site = await RollingSite.start({ environment, drainDelayMs: 3000, pauseMs: 0 });
    await using nginx = await startNginx(site.urls, { certificate, isUnlimited: true });
    await using haproxy = await startHaproxy(site.urls, { certificate, isUnlimited: true });
    const loads = [new StrictLoad(nginx.url, LOAD), new StrictLoad(haproxy.url, LOAD)];
    await site.restartAll();
    for (const load of loads) {
      await load.stop();
      expect(load.failures).toEqual([]);
      expect(load.answered).toBeGreaterThan(100);
    }
  },
);
