// Two processes of each tier behind nginx and HAProxy are restarted in turn at full load. Every
// request must be answered. Run it with `bun test/faults/rolling-restart-main.ts`.

import { optionsOrExit } from "../../src/cli/usage.ts";
import { Authority } from "../certificates.ts";
import { Folder } from "../child.ts";
import { startHaproxy } from "../haproxy.ts";
import { startMariaDb } from "../mariadb.ts";
import { startNginx } from "../nginx.ts";
import { startRedis } from "../redis.ts";
import { RollingSite } from "../rolling-site.ts";
import { StrictLoad } from "../strict-load.ts";

const HELP = `Restart all processes in turn behind nginx and HAProxy, and look for failed requests.

  bun test/faults/rolling-restart-main.ts

  --rounds N      restart all of them so often. Default 2
  --browsers N    for each proxy. Default 16
  --delay MS      DRAIN_DELAY_MS of the HTTP tier. Default 5000
  --pause MS      between two restarts. Default 2000
  --only NAME     nginx or haproxy: no requests through the other

Exit code: 0 if every request was answered, else 1.`;

const values = await optionsOrExit("rolling-restart", HELP, {
  rounds: { type: "string" },
  browsers: { type: "string" },
  delay: { type: "string" },
  pause: { type: "string" },
  only: { type: "string" },
});

async function run(): Promise<boolean> {
  await using folder = await Folder.make();
  const authority = await Authority.create(folder.path, "authority");
  const certificate = await authority.sign("server", "IP:127.0.0.1");
  await using mariaDb = await startMariaDb();
  await using redis = await startRedis();
  const environment = {
    DATA_DIR: folder.path,
    DATABASE_URL: await mariaDb.createDatabase(),
    REDIS_URL: await redis.createDatabase(),
    PASSWORD_HASH: "salted-md5",
    TRUSTED_PROXIES: "loopback",
  };
  const drainDelayMs = Number(values.delay ?? 5000);
  const pauseMs = Number(values.pause ?? 2000);
  await using site = await RollingSite.start({ environment, drainDelayMs, pauseMs });
  const options = { certificate, isUnlimited: true };
  await using nginx = await startNginx(site.urls, options);
  await using haproxy = await startHaproxy(site.urls, options);
  const loads = Object.entries({ nginx, haproxy })
    .filter(([name]) => values.only === undefined || name === values.only)
    .map(([name, { url }]) => {
      return {
        name,
        load: new StrictLoad(url, { browsers: Number(values.browsers ?? 16), pauseMs: 0 }),
      };
    });
  const begunAt = performance.now();
  for (let round = 0; round < Number(values.rounds ?? 2); round++) await site.restartAll();
  const seconds = (performance.now() - begunAt) / 1000;
  let isGood = loads.length > 0;
  for (const { name, load } of loads) {
    await load.stop();
    const { answered, failures } = load;
    isGood &&= answered > 0 && failures.length === 0;
    const rate = Math.round(answered / seconds);
    console.log(`${name}: ${answered} answers, ${rate} a second, ${failures.length} failures`);
    for (const failure of failures.slice(0, 10)) console.log(`  ${failure}`);
  }
  if (!isGood) {
    await site[Symbol.asyncDispose]();
    for (const line of site.problems.slice(0, 40)) console.log(line);
  }
  return isGood;
}

process.exitCode = (await run()) ? 0 : 1;
