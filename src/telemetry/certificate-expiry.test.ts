import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeExpired, makeIdentity, OPENSSL } from "../rpc/testing/identity.ts";
import { recorder } from "../rpc/testing/stack.ts";
import { CertificateExpiry } from "./certificate-expiry.ts";

// OpenSSL runs on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

test.skipIf(!OPENSSL)(
  "a certificate is warned of at the start, daily, and when renewed",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "portico-expiry-"));
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(() => rm(folder, { recursive: true }));
    const soon = await makeIdentity(folder, "soon", "IP:127.0.0.1"); // Good for two days.
    const late = await makeExpired(folder, "late", "IP:127.0.0.1");
    const lines: string[] = [];
    using expiry = new CertificateExpiry(soon.cert, recorder(lines), 5);
    expect(expiry.expiresAtMs).toBeWithin(Date.now() + 47 * 3_600_000, Date.now() + 49 * 3_600_000);
    expect(lines.join()).toContain("expires soon");
    for (let tries = 0; lines.length < 3 && tries < 1000; tries++) await Bun.sleep(5);
    expect(lines.length).toBeGreaterThan(2);
    expiry.renew(late.cert);
    expect(lines.at(-1)).toContain("has expired");
    lines.length = 0;
    expiry.renew(undefined);
    expect([expiry.expiresAtMs, lines.length]).toEqual([undefined, 0]);
  },
);
