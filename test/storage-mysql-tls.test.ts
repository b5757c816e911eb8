import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { openConnection } from "../src/storage/mysql/connection.ts";
import { Authority, type Certificate, available as canCertify } from "./certificates.ts";
import { openRowsAt, type Rows } from "./contract/rows.ts";
import { available, type MariaDb, startMariaDb } from "./mariadb.ts";
import { migrate } from "./migrate-command.ts";
import { createFolder, open, user } from "./storage-pairs.ts";

// The `ssl-mode` of DATABASE_URL, on servers with and without TLS. The servers are this file's own,
// whatever TEST_DATABASE_URL says, since a test replaces a certificate.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(90_000);

describe.skipIf(!available || !canCertify)("MySQL with TLS", () => {
  const owned = new AsyncDisposableStack();
  let folder: string;
  let server: MariaDb;
  let plain: MariaDb;
  let ours: Authority;
  let foreign: Authority;
  let client: Certificate;
  let databaseUrl: string;
  let raw: Rows;
  const certificates: Record<string, Certificate> = {};

  beforeAll(async () => {
    folder = owned.use(await createFolder()).dataDir;
    ours = await Authority.create(folder, "ours");
    foreign = await Authority.create(folder, "foreign");
    client = await ours.sign("client", "DNS:client");
    certificates.right = await ours.sign("right", "IP:127.0.0.1,DNS:localhost");
    certificates.named = await ours.sign("named", "DNS:localhost");
    certificates.wrong = await ours.sign("wrong", "DNS:db.internal");
    certificates.expired = await ours.sign("expired", "IP:127.0.0.1", -1);
    const [cert, key] = [join(folder, "server.pem"), join(folder, "server.key")];
    await copyFile(certificates.right.cert, cert);
    await copyFile(certificates.right.key, key);
    const moreOptions = [`--ssl-cert=${cert}`, `--ssl-key=${key}`, `--ssl-ca=${ours.ca}`];
    [server, plain] = await Promise.all([startMariaDb({ moreOptions }), startMariaDb()]);
    owned.use(server);
    owned.use(plain);
    databaseUrl = await server.createDatabase();
    raw = owned.use(await openRowsAt(databaseUrl, folder));
  });
  afterAll(() => owned.disposeAsync());

  async function use(name: string): Promise<void> {
    const { cert = "", key = "" } = certificates[name] ?? {};
    await copyFile(cert, join(folder, "server.pem"));
    await copyFile(key, join(folder, "server.key"));
    await raw.query("FLUSH SSL");
  }

  /** The cipher of a connection ("" without TLS), or why it failed. */
  async function cipherOf(url: string): Promise<string> {
    try {
      const connection = await openConnection(url);
      const [rows] = await connection.query("SHOW SESSION STATUS LIKE 'Ssl_cipher'");
      connection.destroy();
      return String(Reflect.get(Array.isArray(rows) ? Object(rows[0]) : {}, "Value"));
    } catch (error) {
      return String(error);
    }
  }

  const CIPHER = /^(TLS|ECDHE)\S+$/;
  const at = (mode: string, host = "127.0.0.1") =>
    `${databaseUrl.replace("127.0.0.1", host)}?ssl-mode=${mode}`;

  test("each mode encrypts and verifies as documented", async () => {
    const [ca, other] = [`&ssl-ca=${ours.ca}`, `&ssl-ca=${foreign.ca}`];
    const refusal = {
      right: { ca: /self.signed/, id: undefined, named: undefined },
      named: { ca: /self.signed/, id: /does not match/, named: undefined },
      wrong: { ca: /self.signed/, id: /does not match/, named: /does not match/ },
      expired: { ca: /self.signed|expired/, id: /expired/, named: /expired/ },
    };
    for (const [name, { ca: foreignCa, id, named }] of Object.entries(refusal)) {
      await use(name);
      expect(await cipherOf(at("DISABLED"))).toBe("");
      expect(await cipherOf(databaseUrl)).toMatch(CIPHER);
      expect(await cipherOf(at("PREFERRED"))).toMatch(CIPHER);
      expect(await cipherOf(at("REQUIRED"))).toMatch(CIPHER);
      expect(await cipherOf(at("REQUIRED") + other)).toMatch(CIPHER);
      expect(await cipherOf(at("VERIFY_CA") + other)).toMatch(foreignCa);
      expect(await cipherOf(at("VERIFY_IDENTITY") + other)).toMatch(foreignCa);
      const ofCa = name === "expired" ? /expired/ : CIPHER;
      expect(await cipherOf(at("VERIFY_CA") + ca)).toMatch(ofCa);
      expect(await cipherOf(at("verify_ca") + ca)).toMatch(ofCa);
      // With a CA, the certificate is verified.
      expect(await cipherOf(`${databaseUrl}?ssl-ca=${ours.ca}`)).toMatch(ofCa);
      expect(await cipherOf(`${databaseUrl}?ssl-ca=${foreign.ca}`)).toMatch(foreignCa);
      expect(await cipherOf(at("VERIFY_IDENTITY") + ca)).toMatch(id ?? CIPHER);
      expect(await cipherOf(at("VERIFY_IDENTITY", "localhost") + ca)).toMatch(named ?? CIPHER);
    }
    await use("right");
  });

  test("a server without TLS is used only if TLS is optional", async () => {
    const url = await plain.createDatabase();
    expect(await cipherOf(`${url}?ssl-mode=DISABLED`)).toBe("");
    expect(await cipherOf(`${url}?ssl-mode=PREFERRED`)).toBe("");
    expect(await cipherOf(url)).toBe("");
    for (const mode of ["REQUIRED", `VERIFY_CA&ssl-ca=${ours.ca}`]) {
      const DATABASE_URL = `${url}?ssl-mode=${mode}`;
      expect(await cipherOf(DATABASE_URL)).toContain("does not support secure connection");
      // And it does not wait.
      await expect(open({ databaseUrl: DATABASE_URL, dataDir: folder })).rejects.toThrow(
        /^Cannot open MySQL at \S+ \(DATABASE_URL\): .*secure connection/,
      );
    }
  });

  test("a server that requires TLS and a client certificate gets both", async () => {
    await raw.query("CREATE USER certified IDENTIFIED BY 'secret' REQUIRE X509");
    await raw.query("GRANT ALL ON *.* TO certified");
    await raw.query("SET GLOBAL require_secure_transport = ON");
    try {
      expect(await cipherOf(at("DISABLED"))).toMatch(/denied|insecure/);
      const url = databaseUrl.replace("portico:", "certified:");
      const verified = `?ssl-mode=VERIFY_IDENTITY&ssl-ca=${ours.ca}`;
      expect(await cipherOf(url + verified)).toContain("Access denied");
      const certified = `${verified}&ssl-cert=${client.cert}&ssl-key=${client.key}`;
      expect(await cipherOf(url + certified)).toMatch(CIPHER);
      // Both migrations and statements.
      const stored = { databaseUrl: url + certified, dataDir: folder };
      expect(await migrate(stored)).toMatchObject({ exitCode: 0 });
      await using storage = await open(stored);
      expect(await storage.users.insert(user("grâce"))).toBe(true);
      expect(await storage.users.find("grâce")).toBeDefined();
    } finally {
      await raw.query("SET GLOBAL require_secure_transport = OFF");
    }
  });

  test("a start that fails because of TLS says why, and does not wait", async () => {
    await use("wrong");
    const refused = `${at("VERIFY_IDENTITY")}&ssl-ca=${ours.ca}`;
    await expect(open({ databaseUrl: refused, dataDir: folder })).rejects.toThrow(
      /^Cannot open MySQL at \S+ \(DATABASE_URL\): .*does not match certificate/,
    );
    const { exitCode, output } = await migrate({ databaseUrl: refused, dataDir: folder });
    expect({ exitCode, output }).toEqual({ exitCode: 3, output: expect.stringContaining("match") });
    await use("right");
  });
});
