import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Identity, makeIdentity, OPENSSL } from "../rpc/testing/identity.ts";
import { readAuthority, readCertificate } from "./certificates.ts";
import { rpcCommand } from "./commands.ts";
import { ConfigError, load } from "./load.ts";
import { TCP_TIER } from "./tcp.ts";
import type { Environment } from "./variables.ts";

// It starts programs on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

function problemsOf(
  loader: typeof TCP_TIER | ReturnType<typeof rpcCommand>,
  environment: Environment,
) {
  try {
    loader.program === "tcp" ? load(TCP_TIER, environment) : load(rpcCommand(), environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
  return [];
}

describe.skipIf(!OPENSSL)("the PEM files of TLS", () => {
  let folder = "";
  let one: Identity;
  const path = (name: string) => join(folder, name);
  const identity = { RPC_TLS_CERT: "", RPC_TLS_KEY: "" };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "portico-pem-"));
    one = await makeIdentity(folder, "one", "IP:127.0.0.1");
    await makeIdentity(folder, "another", "IP:127.0.0.1");
    Object.assign(identity, { RPC_TLS_CERT: path("one.pem"), RPC_TLS_KEY: path("one.key") });
    const encrypt = ["pkey", "-in", path("one.key"), "-aes256", "-passout", "pass:s3cret"];
    Bun.spawnSync([OPENSSL ?? "", ...encrypt, "-out", path("locked.key")]);
    await Bun.write(path("cut.pem"), one.cert.slice(0, -100));
    await Bun.write(
      path("garbage.pem"),
      one.cert.replace(/\n[\w+/]{20}/, "\nAAAAAAAAAAAAAAAAAAAA"),
    );
    await Bun.write(path("none.txt"), "no PEM");
    await Bun.write(path("both.pem"), one.key + one.cert);
    // What would stop a process for good that reads it at a reload.
    Bun.spawnSync(["mkfifo", path("pipe")]);
    await symlink("/dev/zero", path("endless"));
    Bun.spawnSync(["truncate", "-s", "10G", path("huge")]);
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("are read as they are, with the chain and a key in the same file", () => {
    expect(load(TCP_TIER, identity).rpcTls).toEqual(one);
    const both = path("both.pem");
    expect(load(TCP_TIER, { RPC_TLS_CERT: both, RPC_TLS_KEY: both }).rpcTls?.key).toContain(
      one.key,
    );
    expect(load(rpcCommand(), { RPC_TLS_CA: path("one.pem") }).rpcTlsCa).toBe(one.cert);
  });

  test("that do not match are an error of both variables, before anything listens", () => {
    const environment = { ...identity, RPC_TLS_KEY: path("another.key") };
    expect(problemsOf(TCP_TIER, environment)).toEqual([
      "RPC_TLS_CERT and RPC_TLS_KEY do not match: the key is not the certificate's",
    ]);
  });

  test("are needed both, certificate and key", () => {
    for (const name of ["RPC_TLS_CERT", "RPC_TLS_KEY"] as const) {
      expect(problemsOf(TCP_TIER, { [name]: identity[name] })).toEqual([
        "RPC_TLS_CERT and RPC_TLS_KEY must be set together",
      ]);
    }
  });

  test.each([
    ["RPC_TLS_KEY", "locked.key", "whose key has a passphrase"],
    ["RPC_TLS_KEY", "one.pem", "which holds no readable key"],
    ["RPC_TLS_KEY", "none.txt", "which is not a PEM file"],
    ["RPC_TLS_KEY", "missing.key", "which does not exist"],
    ["RPC_TLS_CERT", "one.key", "which holds no certificate, only a key"],
    ["RPC_TLS_CERT", "cut.pem", "which holds no certificate"],
    ["RPC_TLS_CERT", "garbage.pem", "which holds a certificate that cannot be read"],
    ["RPC_TLS_CERT", ".", "which is a folder"],
    ["RPC_TLS_CERT", "pipe", "which is no file"],
    ["RPC_TLS_KEY", "endless", "which is no file"],
    ["RPC_TLS_CA", "huge", "which has more than 1024 KiB"],
    ["RPC_TLS_CA", "one.key", "which holds no certificate, only a key"],
    ["RPC_TLS_CA", "garbage.pem", "which holds a certificate that cannot be read"],
    ["RPC_TLS_CA", "none.txt", "which is not a PEM file"],
  ])("%s is not %s: it is a file %s", (name, file, why) => {
    const loader = name === "RPC_TLS_CA" ? rpcCommand() : TCP_TIER;
    const found = problemsOf(loader, { ...identity, [name]: path(file) });
    expect(found).toEqual([expect.stringContaining(`${name} names "${path(file)}", ${why}`)]);
  });

  test("are given by path: the message does not repeat a text that is given instead", () => {
    const found = problemsOf(TCP_TIER, { ...identity, RPC_TLS_KEY: one.key });
    expect(found).toEqual(["RPC_TLS_KEY must be the path of a PEM file, not its text"]);
  });

  test("are in date", () => {
    const [past, future] = [new Date("2020-01-01"), new Date("2100-01-01")];
    for (const read of [readCertificate, readAuthority]) {
      expect(() => read(path("one.pem"), future)).toThrow(/whose certificate expired on \d{4}-/);
      expect(() => read(path("one.pem"), past)).toThrow("whose certificate is not valid before");
    }
  });
});
