import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Redis } from "ioredis";
import { Authority, type Certificate, available as canCertify } from "./certificates.ts";
import { Folder, startHttp, startTcp } from "./child.ts";
import { available as hasRedis, redisRecipe, startRedis } from "./redis.ts";
import { ThrowAwayServer } from "./throw-away.ts";

// With `rediss://` and an https S3_ENDPOINT, the certificate must be signed by a trusted authority
// and be for the host. NODE_EXTRA_CA_CERTS adds an authority; a process reads it at its start.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

let folder: Folder;
let authority: Authority;
let right: Certificate;
let wrong: Certificate;

beforeAll(async () => {
  if (!canCertify) return;
  folder = await Folder.make();
  authority = await Authority.create(folder.path, "ours");
  right = await authority.sign("right", "DNS:localhost,IP:127.0.0.1");
  wrong = await authority.sign("wrong", "DNS:elsewhere.example");
});

afterAll(() => folder?.[Symbol.asyncDispose]());

/** @param isSentinel it knows no master yet */
async function startTlsRedis({ cert, key }: Certificate, isSentinel = false) {
  const recipe = redisRecipe(() => []);
  const server = await ThrowAwayServer.start({
    ...recipe,
    prepare: async (at) => void (await Bun.write(`${at}/sentinel.conf`, "")),
    command: (at, port) => [
      ...(isSentinel
        ? [recipe.command(at, port)[0] ?? "", `${at}/sentinel.conf`, "--sentinel"]
        : recipe.command(at, port)),
      ...["--tls-replication", "yes"],
      ...["--port", "0", "--tls-port", `${port}`, "--tls-auth-clients", "no"],
      ...["--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", authority.ca],
    ],
    connect: async (port) => {
      const redis = new Redis({
        ...{ port, tls: { rejectUnauthorized: false }, lazyConnect: true },
        enableReadyCheck: false,
      });
      redis.on("error", () => undefined);
      await redis.connect().finally(() => redis.disconnect());
    },
  });
  return { port: server.port, [Symbol.asyncDispose]: () => server.dispose() };
}

/** Start a TCP tier, as far as it gets. */
async function startAt(redisUrl: string, environment = {}, until = /"listening"|"cannot start"/) {
  await using data = await Folder.make();
  await using tcp = startTcp(data.path, { REDIS_URL: redisUrl, ...environment });
  const [said] = await tcp.waitFor(until);
  return { said, output: tcp.output };
}

describe.concurrent.skipIf(!canCertify || !hasRedis)("rediss://", () => {
  test("accepts a certificate of an added authority, by name and by address", async () => {
    await using redis = await startTlsRedis(right);
    const trust = { NODE_EXTRA_CA_CERTS: authority.ca };
    for (const host of ["localhost", "127.0.0.1"]) {
      expect((await startAt(`rediss://${host}:${redis.port}/1`, trust)).said).toBe('"listening"');
    }
  });

  test("stops the start if no trusted authority has signed the certificate, and says so", async () => {
    await using redis = await startTlsRedis(right);
    const { said, output } = await startAt(`rediss://:s3cr3t@localhost:${redis.port}`);
    expect(said).toBe('"cannot start"');
    expect(output).toContain(
      `Cannot open Redis at localhost:${redis.port} (REDIS_URL): its certificate is refused: `,
    );
    expect(output).toContain("set NODE_EXTRA_CA_CERTS for your own CA");
    expect(output).not.toContain("s3cr3t");
  });

  test("with Sentinels, is for these and for the master", async () => {
    await using redis = await startTlsRedis(right);
    await using sentinel = await startTlsRedis(right, true);
    const raw = new Redis({
      ...{ port: sentinel.port, tls: { rejectUnauthorized: false } },
      enableReadyCheck: false,
    });
    await raw.call("SENTINEL", "MONITOR", "ours", "127.0.0.1", redis.port, 1);
    raw.disconnect();
    const trust = { NODE_EXTRA_CA_CERTS: authority.ca };
    const url = `rediss-sentinel://localhost:${sentinel.port}/1?sentinelMasterId=ours`;
    expect((await startAt(url, trust)).said).toBe('"listening"');
    const { said, output } = await startAt(url);
    expect(said).toBe('"cannot start"');
    expect(output).toContain("its certificate is refused: ");
    const plain = await startAt(url.replace("rediss", "redis"), trust, /waiting for Redis/);
    expect(plain.output).toContain("no Sentinel answers: ");
  });

  test("stops the start if the certificate is for another host, also in a cluster", async () => {
    await using redis = await startTlsRedis(wrong);
    const trust = { NODE_EXTRA_CA_CERTS: authority.ca };
    const url = `rediss://localhost:${redis.port}`;
    for (const redisUrl of [url, `${url},${url}`]) {
      const { said, output } = await startAt(redisUrl, trust);
      expect(said).toBe('"cannot start"');
      expect(output).toMatch(/\(REDIS_URL\): its certificate is refused: .*elsewhere\.example/);
    }
  });

  test("waits at a port without TLS, as redis:// does at one with TLS, and gives a hint", async () => {
    await using plain = await startRedis();
    const waiting = /"waiting for Redis/;
    const encrypted = await startAt(plain.url.replace("redis:", "rediss:"), {}, waiting);
    expect(encrypted.output).toContain("(rediss:// is for a port with TLS)");
    await using redis = await startTlsRedis(right);
    const unencrypted = await startAt(`redis://localhost:${redis.port}`, {}, waiting);
    expect(unencrypted.output).toContain("(a port with TLS takes rediss://)");
  });
});

/** The one answer of S3 that a start needs: there is no such picture. */
function startTlsS3({ cert, key }: Certificate) {
  const body = "<Error><Code>NoSuchKey</Code></Error>";
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    tls: { cert: Bun.file(cert), key: Bun.file(key) },
    fetch: () => new Response(body, { status: 404 }),
  });
}

async function startWith({ port }: { port?: number | undefined }, more = {}) {
  await using data = await Folder.make();
  await using http = startHttp(data.path, "127.0.0.1:1", {
    AVATAR_URL: "s3://pictures",
    S3_ENDPOINT: `https://localhost:${port}`,
    S3_ACCESS_KEY_ID: "key",
    S3_SECRET_ACCESS_KEY: "s3cr3t",
    ...more,
  });
  const [said] = await http.waitFor(/"listening"|"cannot start"|cannot serve pictures until/);
  expect(http.output).not.toMatch(/s3cr3t|X-Amz/);
  return { said, output: http.output };
}

describe.concurrent.skipIf(!canCertify)("S3 by https", () => {
  test("accepts a certificate of an added authority", async () => {
    using s3 = startTlsS3(right);
    const { said } = await startWith(s3, { NODE_EXTRA_CA_CERTS: authority.ca });
    expect(said).toBe('"listening"');
  });

  test("stops the start if the certificate is not trusted, or is for another host", async () => {
    using s3 = startTlsS3(right);
    using another = startTlsS3(wrong);
    const refused = [
      await startWith(s3),
      await startWith(another, { NODE_EXTRA_CA_CERTS: authority.ca }),
    ];
    for (const { said, output } of refused) {
      expect(said).toBe('"cannot start"');
      expect(output).toMatch(/the certificate of S3 is not trusted: [A-Z_]+ .*\(S3_ENDPOINT\)/);
    }
  });
});
