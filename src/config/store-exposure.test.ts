import { expect, test } from "bun:test";
import { storeWarnings } from "./store-exposure.ts";

const MYSQL = "mysql://portico:hopper1906@db.internal/portico";

test.each([
  ["mysql://portico:hopper1906@127.0.0.1/portico", undefined],
  ["mysql://portico:hopper1906@[::1]:3306/portico", undefined],
  ["mysql://portico:hopper1906@localhost/portico?ssl-mode=DISABLED", undefined],
  [MYSQL, "PREFERRED"],
  [`${MYSQL}?ssl-mode=disabled`, "DISABLED"],
  [`${MYSQL}?ssl-mode=REQUIRED`, "REQUIRED"],
  ["mysql://portico:hopper1906@127.0.0.1,[::1]/portico", undefined],
  ["mysql://portico:hopper1906@127.0.0.1,db.internal/portico", "PREFERRED"],
  ["mysql://portico:hopper1906@[2001:db8::1]/portico", "PREFERRED"],
  [`${MYSQL}?ssl-ca=/etc/ca.pem`, undefined],
  [`${MYSQL}?ssl-mode=verify_identity&ssl-ca=/etc/ca.pem`, undefined],
])("DATABASE_URL=%s warns of ssl-mode %p, without the password", (databaseUrl, mode) => {
  const warnings = storeWarnings({ databaseUrl, redisUrl: undefined });
  expect(warnings).toHaveLength(mode === undefined ? 0 : 1);
  if (mode !== undefined) expect(warnings[0]).toContain(`ssl-mode is ${mode}`);
  expect(warnings.join()).not.toContain("hopper1906");
});

test.each([
  ["redis://127.0.0.1:6379/0", 0],
  ["redis://:hopper1906@[::1]:6379", 0],
  ["rediss://:hopper1906@cache.internal", 0],
  ["redis://:hopper1906@cache.internal", 1],
  ["redis://:hopper1906@127.0.0.1:7000,redis://:hopper1906@10.0.0.7:7000", 1],
  ["redis-sentinel://:hopper1906@127.0.0.1:1,[::1]:2/3?sentinelMasterId=m", 0],
  ["redis-sentinel://:hopper1906@127.0.0.1:1,10.0.0.7?sentinelMasterId=m", 1],
  ["redis-sentinel://10.0.0.7,127.0.0.1/0?sentinelPassword=hopper1906&sentinelMasterId=m", 1],
  ["rediss-sentinel://:hopper1906@10.0.0.7:1,10.0.0.8:2?sentinelMasterId=m", 0],
])("REDIS_URL=%s warns %d times, without the password", (redisUrl, times) => {
  const warnings = storeWarnings({ databaseUrl: undefined, redisUrl });
  expect(warnings).toHaveLength(times);
  expect(warnings.join()).not.toContain("hopper1906");
});

test("SQLite warns of nothing", () => {
  expect(storeWarnings({ databaseUrl: undefined, redisUrl: undefined })).toEqual([]);
});
