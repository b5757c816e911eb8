import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmod, mkdir, readdir, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { Folder } from "../../test/child.ts";
import { rpcCommand, SWEEP } from "./commands.ts";
import { ConfigError, load } from "./load.ts";
import { ownToken, readSavedToken } from "./saved-token.ts";
import { START, tierEnvironments } from "./start.ts";
import { TCP_TIER } from "./tcp.ts";
import type { Environment } from "./variables.ts";

// It starts processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const TOKEN = "a-token_of-some-length";

describe.each([
  ["http", "rpc-token", "RPC_TOKEN"],
  ["admin", "admin-token", "RPC_TOKENS"],
] as const)("the token of %s that `bun run start` and `dev` make", (caller, file, variable) => {
  test("is long, readable only by the owner, and stays the same", async () => {
    await using folder = await Folder.make();
    const dataDir = join(folder.path, "data", "deeper");
    const { token, whyUnsaved } = ownToken(dataDir, caller);
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(whyUnsaved).toBeUndefined();
    expect((await stat(join(dataDir, file))).mode & 0o777).toBe(0o600);
    expect(await readdir(dataDir)).toEqual([file]);
    expect(ownToken(dataDir, caller)).toEqual({ token });
    expect(readSavedToken(dataDir, caller)).toBe(token);
  });

  test("is the same for all processes that ask at once", async () => {
    await using folder = await Folder.make();
    const code =
      `import { ownToken } from ${JSON.stringify(join(import.meta.dir, "saved-token.ts"))};` +
      `console.log(ownToken(${JSON.stringify(folder.path)}, "${caller}").token);`;
    const asked = Array.from({ length: 8 }, () =>
      new Response(Bun.spawn([process.execPath, "-e", code]).stdout).text(),
    );
    const tokens = new Set(await Promise.all(asked));
    expect(tokens.size).toBe(1);
    expect(await readdir(folder.path)).toEqual([file]);
  });

  test.each([
    ["644", 0o644, TOKEN],
    ["620", 0o620, TOKEN],
    ["604", 0o604, TOKEN],
  ])("is refused with mode %s, and the message says how to fix it", async (mode, bits, text) => {
    await using folder = await Folder.make();
    const path = join(folder.path, file);
    await Bun.write(path, text);
    await chmod(path, bits);
    const why = `${path} can be read or written by other users (mode ${mode}): chmod 600 ${path}, or set ${variable}`;
    for (const read of [readSavedToken, ownToken]) {
      expect(() => read(folder.path, caller)).toThrow(why);
    }
  });

  test.each(["", "short", `${TOKEN} ${TOKEN}`, `${TOKEN}\n${TOKEN}`, `${TOKEN}ü`])(
    "is refused if it is %j, without being repeated",
    async (text) => {
      await using folder = await Folder.make();
      const path = join(folder.path, file);
      await Bun.write(path, text);
      await chmod(path, 0o600);
      const [error] = [readSavedToken].map((read) => {
        try {
          return read(folder.path, caller);
        } catch (error) {
          return error;
        }
      });
      expect(error).toBeInstanceOf(ConfigError);
      expect(`${error}`).toContain(`${path} holds no token: remove it`);
      expect(`${error}`).not.toContain(TOKEN);
    },
  );

  test("is refused if it is a folder", async () => {
    await using folder = await Folder.make();
    await mkdir(join(folder.path, file));
    expect(() => readSavedToken(folder.path, caller)).toThrow("is not a file");
  });

  test("is refused if it is a pipe that no process writes to", async () => {
    await using folder = await Folder.make();
    Bun.spawnSync(["mkfifo", "-m", "600", join(folder.path, file)]);
    expect(() => readSavedToken(folder.path, caller)).toThrow("is not a file");
  });

  test("is known only to the tiers if its name is a link to a missing file", async () => {
    await using folder = await Folder.make();
    await symlink(join(folder.path, "nothing"), join(folder.path, file));
    const { token, whyUnsaved } = ownToken(folder.path, caller);
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(whyUnsaved).toContain("is a link to a missing file");
  });

  test("is known only to the tiers if the folder cannot be written", async () => {
    await using folder = await Folder.make();
    await Bun.write(join(folder.path, "file"), "");
    const { token, whyUnsaved } = ownToken(join(folder.path, "file"), caller);
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(whyUnsaved).toContain("EEXIST");
  });
});

describe("the tiers of `bun run start` and `dev`", () => {
  const tiersOf = (environment: Environment) =>
    tierEnvironments(load(START, environment), environment);

  test("get the saved tokens: the HTTP tier its own, the TCP tier those of both callers", async () => {
    await using folder = await Folder.make();
    const { http, tcp, warnings } = tiersOf({ DATA_DIR: folder.path });
    const [token, admin] = [
      readSavedToken(folder.path, "http"),
      readSavedToken(folder.path, "admin"),
    ];
    expect([http.RPC_TOKEN, tcp.RPC_TOKEN, tcp.RPC_TOKENS]).toEqual([
      token,
      token,
      `admin:${admin}`,
    ]);
    expect(token).not.toBe(admin);
    expect(Object.values(http).join()).not.toContain(admin ?? "none");
    expect(http).not.toHaveProperty("RPC_TOKENS");
    expect(warnings).toEqual([]);
    const { rpcTokens } = load(TCP_TIER, tcp);
    expect(Object.fromEntries(rpcTokens)).toEqual({ http: [token ?? ""], admin: [admin ?? ""] });
  });

  test("share tokens that nobody else knows if the folder cannot be written", async () => {
    await using folder = await Folder.make();
    await Bun.write(join(folder.path, "file"), "");
    const { http, tcp, warnings } = tiersOf({ DATA_DIR: join(folder.path, "file") });
    expect(http.RPC_TOKEN).toBe(tcp.RPC_TOKEN ?? "");
    expect(warnings).toEqual([
      expect.stringMatching(/^The RPC token cannot be saved: .*if you set RPC_TOKEN for both$/),
      expect.stringMatching(/^The admin token cannot be saved: .*if you set RPC_TOKENS for both$/),
    ]);
    expect(warnings.join()).not.toContain(tcp.RPC_TOKEN ?? "");
    expect(warnings.join()).not.toContain((tcp.RPC_TOKENS ?? "").replace("admin:", ""));
  });

  test("get the tokens that are set; only those of other callers are made", async () => {
    await using folder = await Folder.make();
    const DATA_DIR = folder.path;
    const { http, tcp } = tiersOf({ DATA_DIR, RPC_TOKEN: TOKEN });
    expect([http.RPC_TOKEN, tcp.RPC_TOKEN]).toEqual([TOKEN, TOKEN]);
    expect(await readdir(folder.path)).toEqual(["admin-token"]);

    await using other = await Folder.make();
    const RPC_TOKENS = ` http:${TOKEN}-1,http:${TOKEN}-2,admin:${TOKEN}-3 `;
    const set = tiersOf({ DATA_DIR: other.path, RPC_TOKENS });
    expect(set.http).toMatchObject({ RPC_TOKEN: `${TOKEN}-1` });
    expect(set.http).not.toHaveProperty("RPC_TOKENS");
    expect(set.tcp).toMatchObject({ RPC_TOKENS: RPC_TOKENS.trim() });
    expect(set.tcp).not.toHaveProperty("RPC_TOKEN");
    expect(await readdir(other.path)).toEqual([]);
  });

  test("do not give a token of their own to other servers", async () => {
    await using folder = await Folder.make();
    const others = { DATA_DIR: folder.path, RPC_ADDRESSES: "127.0.0.1:1" };
    const apart = tiersOf(others);
    expect(apart.http).not.toHaveProperty("RPC_TOKEN");
    expect(apart.tcp.RPC_TOKEN).toBe(readSavedToken(folder.path, "http") ?? "");
    const told = tiersOf({ ...others, RPC_TOKENS: `http:${TOKEN}` });
    expect(told.http).toMatchObject({ RPC_TOKEN: TOKEN });
  });
});

describe("bun run rpc", () => {
  const saved = { isTokenOptional: true };
  const set = { isTokenOptional: false };

  test("reads the tokens of DATA_DIR for the servers of this machine, admin's first", async () => {
    await using folder = await Folder.make();
    const DATA_DIR = folder.path;
    const { token } = ownToken(DATA_DIR, "http");
    const http = { caller: "http", rpcToken: token };
    expect(load(rpcCommand(), { DATA_DIR })).toMatchObject({ ...http, ...saved });
    const { token: adminToken } = ownToken(DATA_DIR, "admin");
    const admin = { caller: "admin", rpcToken: adminToken };
    expect(load(rpcCommand(), { DATA_DIR })).toMatchObject({ ...admin, ...saved });
    const asHttp = load(rpcCommand({ caller: "http" }), { DATA_DIR });
    expect(asHttp).toMatchObject({ ...http, ...set });
    const far = { DATA_DIR, RPC_ADDRESSES: "10.0.0.1:1", RPC_PLAINTEXT: "allow" };
    const stranger = { caller: "http", rpcToken: undefined };
    expect(load(rpcCommand(), far)).toMatchObject({ ...stranger, ...saved });
    expect(load(SWEEP, { DATA_DIR })).toMatchObject({ ...http, ...saved });
  });

  test("takes tokens that are set before those of DATA_DIR", async () => {
    await using folder = await Folder.make();
    const DATA_DIR = folder.path;
    const { token: adminToken } = ownToken(DATA_DIR, "admin");
    const RPC_TOKEN = TOKEN;
    const http = { caller: "http", rpcToken: TOKEN, ...set };
    expect(load(rpcCommand(), { DATA_DIR, RPC_TOKEN })).toMatchObject(http);
    expect(load(rpcCommand(), { DATA_DIR, RPC_TOKENS: `http:${TOKEN}` })).toMatchObject(http);
    const both = { DATA_DIR, RPC_TOKENS: `batch:${TOKEN}2,admin:${TOKEN}3` };
    const admin = { caller: "admin", rpcToken: `${TOKEN}3`, ...set };
    expect(load(rpcCommand(), both)).toMatchObject(admin);
    const batch = { caller: "batch", rpcToken: `${TOKEN}2`, ...set };
    expect(load(rpcCommand({ caller: "batch" }), both)).toMatchObject(batch);
    const stated = { caller: "admin", token: `${TOKEN}4` };
    expect(load(rpcCommand(stated), both)).toMatchObject({ ...admin, rpcToken: `${TOKEN}4` });
    expect(load(rpcCommand({ token: `${TOKEN}4` }), both)).toMatchObject({
      ...http,
      rpcToken: `${TOKEN}4`,
    });
    // RPC_TOKEN says nothing of admin.
    expect(load(rpcCommand({ caller: "admin" }), { DATA_DIR, RPC_TOKEN })).toMatchObject({
      ...admin,
      rpcToken: adminToken,
    });
    const none = { caller: "batch", rpcToken: undefined, ...set };
    expect(load(rpcCommand({ caller: "batch" }), { DATA_DIR })).toMatchObject(none);
  });

  test.each(["rpc-token", "admin-token"])("refuses an unsafe %s", async (file) => {
    await using folder = await Folder.make();
    const DATA_DIR = folder.path;
    await Bun.write(join(DATA_DIR, file), TOKEN);
    await chmod(join(DATA_DIR, file), 0o640);
    expect(() => load(rpcCommand(), { DATA_DIR })).toThrow("can be read or written by other users");
  });
});
