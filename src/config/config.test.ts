import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { DEFAULT_LIMITS, DEFAULT_POOL_LIMITS } from "../rpc/limits.ts";
import { HTTP_TIER } from "./http.ts";
import { ConfigError, load } from "./load.ts";
import { START } from "./start.ts";
import type { Environment } from "./variables.ts";

/** What both tiers read, in one. */
function loadConfig(environment: Environment) {
  const { http, tcp, ...workers } = load(START, environment);
  return { ...http, ...tcp, ...workers, rpcLimits: { ...http.rpcLimits, ...tcp.rpcLimits } };
}

function problems(environment: Environment): string[] {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  return [];
}

function withAll(record: Record<string, string>, value: string): Environment {
  return Object.fromEntries(Object.keys(record).map((key) => [key, value]));
}

describe("the config", () => {
  test("an empty environment is the embedded default on loopback", () => {
    const config = loadConfig({});
    expect(config).toMatchObject({
      http: { host: "127.0.0.1", port: 9090 },
      rpc: { host: "127.0.0.1", port: 9091 },
      rpcAddresses: [{ host: "127.0.0.1", port: 9091 }],
      hasCookieHostPrefix: false,
      hasDocs: true,
      dataDir: ".data",
      sessionTtlSeconds: 1800,
      passwordHash: { name: "argon2id", memoryKib: 19456, passes: 2, lanes: 1 },
      logLevel: "info",
      accessLog: "errors",
    });
    expect(config.databaseUrl).toBeUndefined();
    expect(config.redisUrl).toBeUndefined();
    expect(config.avatarBucket).toBeUndefined();
    expect(config.publicUrl.origin).toBe("http://127.0.0.1:9090");
    expect(config.isPublicUrlSet).toBe(false);
    expect(Object.isFrozen(load(HTTP_TIER, {}))).toBe(true);
  });

  test("every variable that is set is read", () => {
    const config = loadConfig({
      HTTP_HOST: "0.0.0.0",
      HTTP_PORT: "8080",
      PUBLIC_URL: "https://accounts.example.com",
      TRUSTED_PROXIES: "loopback",
      COOKIE_HOST_PREFIX: "on",
      DOCS: "off",
      RPC_HOST: "::1",
      RPC_PORT: "7000",
      RPC_ADDRESSES: "one.internal:7001, [::1]:7002",
      RPC_PLAINTEXT: "allow",
      DATA_DIR: "/var/lib/portico",
      DATABASE_URL: "mysql://u:p@db:3306/portico",
      REDIS_URL: "rediss://:p@cache:6380/2",
      AVATAR_URL: "s3://pictures/portico/avatars",
      S3_ENDPOINT: "https://s3.internal:9000/",
      S3_REGION: "eu-west-1",
      S3_ACCESS_KEY_ID: "AKIAEXAMPLE",
      S3_SECRET_ACCESS_KEY: "s3cret/+",
      SESSION_TTL_SECONDS: "60",
      SESSIONS_MAX: "5",
      PASSWORD_HASH: "argon2id:m=4096,t=1,p=2",
      LOG_LEVEL: "warn",
    });
    expect(config).toMatchObject({
      http: { host: "0.0.0.0", port: 8080 },
      hasCookieHostPrefix: true,
      hasDocs: false,
      rpc: { host: "::1", port: 7000 },
      rpcAddresses: [
        { host: "one.internal", port: 7001 },
        { host: "::1", port: 7002 },
      ],
      dataDir: "/var/lib/portico",
      databaseUrl: "mysql://u:p@db:3306/portico",
      redisUrl: "rediss://:p@cache:6380/2",
      avatarBucket: {
        endpoint: "https://s3.internal:9000",
        region: "eu-west-1",
        bucket: "pictures",
        prefix: "portico/avatars/",
        accessKeyId: "AKIAEXAMPLE",
        secretAccessKey: "s3cret/+",
      },
      sessionTtlSeconds: 60,
      sessionsMax: 5,
      passwordHash: { name: "argon2id", memoryKib: 4096, passes: 1, lanes: 2 },
      logLevel: "warn",
    });
    expect(config.publicUrl.href).toBe("https://accounts.example.com/");
    expect(config.isPublicUrlSet).toBe(true);
    expect(config.trustedProxies?.check("127.0.0.1")).toBe(true);
    expect(loadConfig({ PASSWORD_HASH: "salted-md5" }).passwordHash.name).toBe("salted-md5");
  });

  test("several addresses of Redis become a URL each, with the scheme and credentials of the first", () => {
    const urlsOf = (REDIS_URL: string) => loadConfig({ REDIS_URL }).redisUrl?.split(",");
    expect(urlsOf("redis://one:1,two:2, [::1]:3")).toEqual([
      ...["redis://one:1", "redis://two:2", "redis://[::1]:3"],
    ]);
    expect(urlsOf("REDISS://u:Pw@one:1")).toEqual(["rediss://u:Pw@one:1"]);
    expect(urlsOf("Rediss://u:Pw@one:1,two,REDISS://u:Pw@three")).toEqual([
      ...["rediss://u:Pw@one:1", "rediss://u:Pw@two", "rediss://u:Pw@three"],
    ]);
    const urls = ["rediss://u:p%2Cw@one:1", "rediss://u:p%2Cw@two"];
    expect(urlsOf("rediss://u:p%2Cw@one:1,two")).toEqual(urls);
    expect(urlsOf(urls.join(","))).toEqual(urls);
    expect(urlsOf("redis://one:1/0,two:2/0")).toEqual(["redis://one:1/0", "redis://two:2/0"]);
  });

  test("the URL of Sentinels is kept, with its scheme in small letters", () => {
    const tail = "/3?sentinelMasterId=my-master&sentinelPassword=x";
    for (const [scheme, at] of [
      ["redis-sentinel://", "u:p%2Cw@"],
      ["REDISS-Sentinel://", ""],
    ]) {
      expect(loadConfig({ REDIS_URL: `${scheme}${at}one:1, two,[::1]:3${tail}` }).redisUrl).toBe(
        `${scheme?.toLowerCase()}${at}one:1,two,[::1]:3${tail}`,
      );
    }
  });

  test("limits of the RPC that have a variable default to those of the code", () => {
    const { rpcLimits } = loadConfig({});
    const known = { ...DEFAULT_POOL_LIMITS, ...DEFAULT_LIMITS };
    expect(known).toMatchObject(rpcLimits);
    const variables = {
      RPC_MAX_SERVER_CONNECTIONS: "8",
      RPC_MAX_SERVER_IN_FLIGHT: "3",
      RPC_MAX_CONNECTIONS: "5",
    };
    expect(loadConfig(variables).rpcLimits).toEqual({
      maxServerConnections: 8,
      maxServerInFlight: 3,
      maxConnections: 5,
    });
    expect(problems(withAll(variables, "-1"))).toHaveLength(Object.keys(variables).length);
  });

  test("the addresses default to the TCP tier's own, and an empty variable to its default", () => {
    const config = loadConfig({ RPC_HOST: "localhost", RPC_PORT: "7000", HTTP_PORT: "" });
    expect(config.rpcAddresses).toEqual([{ host: "localhost", port: 7000 }]);
    expect(config.http.port).toBe(9090);
  });

  test.each([
    [{ HTTP_PORT: "http" }, 'HTTP_PORT is "http": must be a whole number from 0 to 65535'],
    [{ HTTP_PORT: "65536" }, 'HTTP_PORT is "65536": must be a whole number from 0 to 65535'],
    [{ RPC_PORT: "tcp://10.0.0.1:9091" }, "as Kubernetes sets it for a service of that name"],
    [{ RPC_PORT: "-1" }, 'RPC_PORT is "-1": must be a whole number from 0 to 65535'],
    [{ RPC_HOST: "one two" }, "must be one host, without blanks"],
    [{ RPC_ADDRESSES: "one" }, 'RPC_ADDRESSES has "one": must be host:port'],
    [{ RPC_ADDRESSES: "one:1,,two:2" }, 'RPC_ADDRESSES has "": must be host:port'],
    [{ RPC_ADDRESSES: "one:0" }, 'RPC_ADDRESSES has "one:0": must be host:port'],
    [{ PUBLIC_URL: "accounts.example.com" }, "PUBLIC_URL is"],
    [{ PUBLIC_URL: "https://example.com/accounts" }, "no path"],
    [{ PUBLIC_URL: "ftp://example.com" }, "must be http://host or https://host"],
    [
      { REDIS_URL: "redis://one:1,rediss://two:2" },
      "must have one scheme and the same credentials",
    ],
    [{ REDIS_URL: "redis://a:b@one:1,redis://two:2" }, "the same credentials for all nodes"],
    [{ REDIS_URL: "redis://one:1,a:b@two:2" }, "the same credentials for all nodes"],
    [{ REDIS_URL: "redis://one:1,two:2/3" }, "a cluster has only database number 0"],
    [{ REDIS_URL: "redis://one:1/3,two:2" }, "a cluster has only database number 0"],
    [{ REDIS_URL: "redis://one:1?db=3,two:2" }, "a cluster has only database number 0"],
    [{ REDIS_URL: "redis://one:1,two:2," }, "must be redis://"],
    [{ REDIS_URL: "redis://one:1,two:port" }, "must be redis://"],
    [{ REDIS_URL: "redis://:pass,word@one:1" }, "%2C for a comma"],
    [{ REDIS_URL: "memcached://one" }, "REDIS_URL must be redis://"],
    [{ REDIS_URL: "redis-sentinel://one:26379/0" }, "REDIS_URL must have the name of the master"],
    [{ REDIS_URL: "redis-sentinel://one,?sentinelMasterId=m" }, "REDIS_URL must be redis-sentinel"],
    [{ REDIS_URL: "redis-sentinel://one/x?sentinelMasterId=m" }, "must be redis-sentinel://"],
    [{ REDIS_URL: "redis-sentinel://a:s3,cret@one?sentinelMasterId=m" }, "%2C for a comma"],
    [{ REDIS_URL: "redis-sentinel://one?sentinelMasterId=m#x" }, "must be redis-sentinel://"],
    [{ REDIS_URL: "redis-sentinel://one?sentinelMasterId=m&db=1" }, "is none of sentinelMasterId"],
    [
      { REDIS_URL: "redis-sentinel://one?sentinelMasterId=m&sentinelMasterId=n" },
      "has sentinelMasterId more than once",
    ],
    [{ REDIS_URL: "redis-sentinel://one?sentinelMasterId=" }, "the name of the master"],
    [{ REDIS_URL: "https://one" }, "REDIS_URL must be redis://"],
    [{ REDIS_URL: "redis://one/3?tls=true" }, "REDIS_URL must have no parameters"],
    [{ REDIS_URL: "redis://one?" }, "REDIS_URL must have no parameters"],
    [{ REDIS_URL: "rediss://one?ssl_cert_reqs=none" }, "REDIS_URL must have no parameters"],
    [{ REDIS_URL: "rediss://one:1/#insecure" }, "REDIS_URL must have no parameters"],
    [{ REDIS_URL: "rediss://one:1,two:2#" }, "REDIS_URL must have no parameters"],
    [{ REDIS_URL: "redis://:pass#word@one:1" }, "%23 for #"],
    [{ SESSION_TTL_SECONDS: "0" }, "SESSION_TTL_SECONDS is"],
    [{ SESSIONS_MAX: "0" }, "SESSIONS_MAX is"],
    [{ SESSIONS_MAX: "1001" }, "SESSIONS_MAX is"],
    [{ SESSION_TTL_SECONDS: "1e3" }, "SESSION_TTL_SECONDS is"],
    [{ PASSWORD_HASH: "bcrypt" }, "PASSWORD_HASH is"],
    [{ PASSWORD_HASH: "argon2id:m=8,t=1,p=2" }, "8 times p or more"],
    [{ PASSWORD_HASH: "argon2id:m=64,t=0,p=1" }, "PASSWORD_HASH is"],
    [{ LOG_LEVEL: "verbose" }, "must be one of debug, info, warn, error, silent"],
    [{ ACCESS_LOG: "on" }, "must be one of all, errors, off"],
    [{ RPC_TOKEN: "s3cret" }, "RPC_TOKEN must have 16 characters or more"],
    [{ RPC_TLS_CA: "/nowhere/ca.pem" }, 'RPC_TLS_CA names "/nowhere/ca.pem", which does not exist'],
    [{ RPC_TLS_CA: join(import.meta.dir, "load.ts") }, "which is not a PEM file"],
    [{ RPC_PLAINTEXT: "yes" }, 'RPC_PLAINTEXT is "yes": must be allow, or not set'],
    [{ COOKIE_HOST_PREFIX: "yes" }, 'COOKIE_HOST_PREFIX is "yes": must be on, or not set'],
    [{ COOKIE_HOST_PREFIX: "on" }, "set PUBLIC_URL to an https address"],
    [{ COOKIE_HOST_PREFIX: "on", PUBLIC_URL: "http://localhost" }, "to an https address"],
    [{ DOCS: "on" }, 'DOCS is "on": must be off, or not set'],
    [{ STORAGE: "sqlite" }, 'STORAGE is "sqlite": must be embedded, or not set'],
    [{ HTTP_WORKERS: "0" }, 'HTTP_WORKERS is "0": must be a whole number from 1 to 64'],
    [{ HTTP_WORKERS: "65" }, 'HTTP_WORKERS is "65": must be a whole number from 1 to 64'],
    [{ RPC_WORKERS: "two" }, 'RPC_WORKERS is "two": must be a whole number from 1 to 64'],
    [{ METRICS_PORT: "70000" }, 'METRICS_PORT is "70000": must be a whole number from 0 to 65535'],
    [{ METRICS_HOST: "0.0.0.0:9100" }, "set the port with METRICS_PORT"],
    [{ DRAIN_DELAY_MS: "5s" }, 'DRAIN_DELAY_MS is "5s": must be a whole number from 0 to 600000'],
    [{ S3_ENDPOINT: "s3.internal:9000" }, "S3_ENDPOINT must be http://host or https://host"],
    [{ S3_ENDPOINT: "https://key:s3cret@s3.internal" }, "S3_ENDPOINT must be http://host"],
    [{ S3_ENDPOINT: "https://s3.internal/?x=1" }, "S3_ENDPOINT must be http://host"],
    [{ S3_ENDPOINT: "https://s3.internal/?" }, "S3_ENDPOINT must be http://host"],
    [{ S3_ENDPOINT: "https://s3.internal#x" }, "S3_ENDPOINT must be http://host"],
    [{ S3_ENDPOINT: "s3://internal" }, "S3_ENDPOINT must be http://host"],
    [{ S3_REGION: "Europe" }, 'S3_REGION is "Europe": must be like us-east-1'],
    [{ S3_ACCESS_KEY_ID: "AKIA EXAMPLE" }, "S3_ACCESS_KEY_ID must be printable ASCII without"],
    [{ S3_SECRET_ACCESS_KEY: "s3 cret" }, "S3_SECRET_ACCESS_KEY must be printable ASCII without"],
  ])("%o is refused by name", (environment, message) => {
    const found = problems(environment);
    expect(found.length).toBe(1);
    expect(found[0]).toContain(message);
    expect(found[0]).toStartWith(Object.keys(environment)[0] ?? "");
  });

  const keys = { S3_ACCESS_KEY_ID: "AKIAEXAMPLE", S3_SECRET_ACCESS_KEY: "s3cret" };

  test.each([
    "pictures",
    "https://pictures.s3.amazonaws.com",
    "s3://",
    "s3://AB",
    "s3://Pictures",
    "s3://key:s3cret@pictures",
    "s3://pictures//avatars",
    "s3://pictures/../avatars",
    "s3://pictures/a?b",
    "s3://pictures?region=eu-west-1",
    "s3://pictures/a#b",
    "gs://pictures",
    "s3://pictures/a%2fb",
  ])("AVATAR_URL is not %p", (url) => {
    const expected = expect.stringContaining(
      "AVATAR_URL must be s3://bucket or s3://bucket/prefix; a bucket's",
    );
    expect(problems({ ...keys, AVATAR_URL: url })).toEqual([expected]);
  });

  test.each([
    ["s3://pictures", ""],
    ["s3://pictures/", ""],
    ["s3://pictures/a", "a/"],
    ["s3://pictures/a/b_c-1.2/", "a/b_c-1.2/"],
  ])("AVATAR_URL may be %p, which is Amazon's in us-east-1", (url, prefix) => {
    expect(loadConfig({ ...keys, AVATAR_URL: url }).avatarBucket).toMatchObject({
      bucket: "pictures",
      prefix,
      region: "us-east-1",
      endpoint: "https://s3.us-east-1.amazonaws.com",
    });
  });

  test("a bucket needs both keys, and no message repeats a key", () => {
    expect(problems({ AVATAR_URL: "s3://pictures" })).toEqual([
      "S3_ACCESS_KEY_ID must be set if AVATAR_URL is set",
      "S3_SECRET_ACCESS_KEY must be set if AVATAR_URL is set",
    ]);
    const spaced = { S3_ACCESS_KEY_ID: "my key", S3_SECRET_ACCESS_KEY: "my s3cret" };
    expect(problems({ AVATAR_URL: "s3://pictures", ...spaced }).join()).not.toMatch(/my|s3cret/);
  });

  test("several TCP servers of one start need MySQL and Redis, and a port each", () => {
    const DATABASE_URL = "mysql://u:p@db:3306/portico";
    const REDIS_URL = "redis://cache:6379";
    const RPC_WORKERS = "3";
    expect(loadConfig({ DATABASE_URL, REDIS_URL, RPC_WORKERS, HTTP_WORKERS: "2" })).toMatchObject({
      rpcWorkers: 3,
      httpWorkers: 2,
    });
    for (const environment of [{}, { DATABASE_URL }, { REDIS_URL }]) {
      expect(problems({ ...environment, RPC_WORKERS })).toEqual([
        'RPC_WORKERS is "3": must be 1 unless DATABASE_URL and REDIS_URL are set, ' +
          "because SQLite is for one process",
      ]);
    }
    const onPort = (RPC_PORT: string) =>
      problems({ DATABASE_URL, REDIS_URL, RPC_WORKERS, RPC_PORT });
    expect(onPort("65533")).toEqual([]);
    expect(onPort("65534").join()).toContain(
      "each worker takes the next port from RPC_PORT (65534), and 65535 is the last",
    );
  });

  test("every problem is reported at once", () => {
    expect(problems({ HTTP_PORT: "x", RPC_PORT: "y", LOG_LEVEL: "z" })).toHaveLength(3);
  });

  test.each([
    { DATABASE_URL: "postgres://user:s3cret@host/db" },
    { DATABASE_URL: "mysql://user:s3cret@host" },
    { DATABASE_URL: "s3cret" },
    { DATABASE_URL: "mysql://user:s3cret%zz@host/db" },
    { REDIS_URL: "redis://:s3cret%zz@host" },
    { REDIS_URL: "http://:s3cret@host" },
    { REDIS_URL: "redis://:s3cret@one,redis://two" },
    { REDIS_URL: "redis://:s3cret@one/1,two" },
    { REDIS_URL: "redis-sentinel://:s3cret@one/1,two" },
    { REDIS_URL: "redis-sentinel://one?sentinelPasword=s3cret" },
    { REDIS_URL: "redis-sentinel://one?s3cret" },
    { RPC_TOKEN: "s3cret" },
  ])("%o is refused without repeating its secret", (environment) => {
    expect(problems(environment)).toHaveLength(1);
    expect(problems(environment).join()).not.toContain("s3cret");
  });
});
