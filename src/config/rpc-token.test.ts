import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmod, mkdir, readdir, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { Folder } from "../../test/child.ts";
import { RPC_COMMAND } from "./commands.ts";
import { ConfigError, load } from "./load.ts";
import { ownRpcToken, readRpcToken } from "./rpc-token.ts";
import { START, tierEnvironments } from "./start.ts";

// It starts processes on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const TOKEN = "a-token_of-some-length";

describe("the token that `bun run start` and `dev` make", () => {
  test("is long, readable only by the owner, and stays the same", async () => {
    await using folder = await Folder.make();
    const dataDir = join(folder.path, "data", "deeper");
    const { token, whyUnsaved } = ownRpcToken(dataDir);
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(whyUnsaved).toBeUndefined();
    expect((await stat(join(dataDir, "rpc-token"))).mode & 0o777).toBe(0o600);
    expect(await readdir(dataDir)).toEqual(["rpc-token"]);
    expect(ownRpcToken(dataDir)).toEqual({ token });
    expect(readRpcToken(dataDir)).toBe(token);
  });

  test("is the same for all processes that ask at once", async () => {
    await using folder = await Folder.make();
    const code =
      `import { ownRpcToken } from ${JSON.stringify(join(import.meta.dir, "rpc-token.ts"))};` +
      `console.log(ownRpcToken(${JSON.stringify(folder.path)}).token);`;
    const asked = Array.from({ length: 8 }, () =>
      new Response(Bun.spawn([process.execPath, "-e", code]).stdout).text(),
    );
    const tokens = new Set(await Promise.all(asked));
    expect(tokens.size).toBe(1);
    expect(await readdir(folder.path)).toEqual(["rpc-token"]);
  });

  test.each([
    ["644", 0o644, TOKEN],
    ["620", 0o620, TOKEN],
    ["604", 0o604, TOKEN],
  ])("is refused with mode %s, and the message says how to fix it", async (mode, bits, text) => {
    await using folder = await Folder.make();
    const path = join(folder.path, "rpc-token");
    await Bun.write(path, text);
    await chmod(path, bits);
    const why = `${path} can be read or written by other users (mode ${mode}): chmod 600 ${path}, or set`;
    for (const read of [readRpcToken, ownRpcToken]) expect(() => read(folder.path)).toThrow(why);
  });

  test.each(["", "short", `${TOKEN} ${TOKEN}`, `${TOKEN}\n${TOKEN}`, `${TOKEN}ü`])(
    "is refused if it is %j, without being repeated",
    async (text) => {
      await using folder = await Folder.make();
      const path = join(folder.path, "rpc-token");
      await Bun.write(path, text);
      await chmod(path, 0o600);
      const [error] = [readRpcToken].map((read) => {
        try {
          return read(folder.path);
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
    await mkdir(join(folder.path, "rpc-token"));
    expect(() => readRpcToken(folder.path)).toThrow("is not a file");
  });

  test("is known only to the tiers if its name is a link to a missing file", async () => {
    await using folder = await Folder.make();
    await symlink(join(folder.path, "nothing"), join(folder.path, "rpc-token"));
    const { token, whyUnsaved } = ownRpcToken(folder.path);
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(whyUnsaved).toContain("is a link to a missing file");
  });

  test("is known only to the tiers if the folder cannot be written", async () => {
    await using folder = await Folder.make();
    await Bun.write(join(folder.path, "file"), "");
    const { token, whyUnsaved } = ownRpcToken(join(folder.path, "file"));
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(whyUnsaved).toContain("EEXIST");
    const DATA_DIR = join(folder.path, "file");
    const { http, tcp, warning } = tierEnvironments(load(START, { DATA_DIR }), { DATA_DIR });
    expect(http.RPC_TOKEN).toBe(tcp.RPC_TOKEN ?? "");
    expect(warning).toMatch(
      /^The RPC token cannot be saved: .*only if you set RPC_TOKEN for both$/,
    );
    expect(warning).not.toContain(tcp.RPC_TOKEN ?? "");
  });

  test("is not made if RPC_TOKEN is set, and not given to other servers", async () => {
    await using folder = await Folder.make();
    const set = { DATA_DIR: folder.path, RPC_TOKEN: TOKEN };
    const { http, tcp } = tierEnvironments(load(START, set), set);
    expect([http.RPC_TOKEN, tcp.RPC_TOKEN]).toEqual([TOKEN, TOKEN]);
    expect(await readdir(folder.path)).toEqual([]);
    const others = { DATA_DIR: folder.path, RPC_ADDRESSES: "127.0.0.1:1" };
    const apart = tierEnvironments(load(START, others), others);
    expect(apart.http).not.toHaveProperty("RPC_TOKEN");
    expect(apart.tcp.RPC_TOKEN).toBe(readRpcToken(folder.path) ?? "");
  });
});

describe("bun run rpc", () => {
  test("reads the token of DATA_DIR for the servers of this machine, if it has no other", async () => {
    await using folder = await Folder.make();
    const { token } = ownRpcToken(folder.path);
    const DATA_DIR = folder.path;
    expect(load(RPC_COMMAND, { DATA_DIR })).toMatchObject({
      rpcToken: token,
      isTokenOptional: true,
    });
    expect(load(RPC_COMMAND, { DATA_DIR, RPC_TOKEN: TOKEN })).toMatchObject({
      rpcToken: TOKEN,
      isTokenOptional: false,
    });
    const far = { DATA_DIR, RPC_ADDRESSES: "10.0.0.1:1", RPC_PLAINTEXT: "allow" };
    expect(load(RPC_COMMAND, far).rpcToken).toBeUndefined();
    await chmod(join(folder.path, "rpc-token"), 0o640);
    expect(() => load(RPC_COMMAND, { DATA_DIR })).toThrow("can be read or written by other users");
  });
});
