import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { tmpdir } from "node:os";
import { Child, Folder, startHttp, startTcp } from "../child.ts";
import { type Answer, Api, nicknameOf, sessionIdOf } from "../contract/client.ts";
import { avatarForm, pngOf } from "../contract/images.ts";
import { freePort } from "../ports.ts";
import { eventually } from "../storage-pairs.ts";
import { SmallDisk } from "./small-disk.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const USERNAME = "grace";
const PASSWORD = "hopper1906";
const PNG = pngOf(64, 64, [1, 2, 3]);
const FAST = { PASSWORD_HASH: "argon2id:m=64,t=1,p=1" };
const MEGABYTES = 4;

const told = ({ code, status }: Answer) => `${code} ${status}`;

async function join(url: string): Promise<Api> {
  const api = new Api(url);
  expect(told(await api.signUp(USERNAME, PASSWORD))).toBe("7 200");
  return api.withSession(sessionIdOf(await api.signIn(USERNAME, PASSWORD)));
}

describe.skipIf(!SmallDisk.isAvailable(tmpdir()))("a full disk", () => {
  test("of the pictures: uploads end with ServerError and leave no file, everything else works", async () => {
    await using folder = await Folder.make();
    await using pictures = await Folder.make();
    const disk = new SmallDisk(pictures.path, MEGABYTES);
    await using tcp = startTcp(folder.path, FAST);
    await using http = new Child("src/http-main.ts", {
      environment: {
        DATA_DIR: pictures.path,
        HTTP_PORT: "0",
        RPC_ADDRESSES: await tcp.listening(),
      },
      wrapper: disk.wrapper,
    });
    const api = await join(await http.listening());

    await disk.fill(http.pid);
    expect(told(await api.avatar(avatarForm(PNG)))).toBe("0 500");
    expect(await disk.list(http.pid, "avatars")).toEqual([]);
    expect(told(await api.nickname("changed"))).toBe("7 200");
    expect(await nicknameOf(api)).toBe("changed");

    await disk.free(http.pid);
    expect(told(await api.avatar(avatarForm(PNG)))).toBe("7 200");
    expect(await disk.list(http.pid, "avatars")).toHaveLength(1);
  });

  test("of the log: every request is answered, and dropped lines are reported later", async () => {
    await using folder = await Folder.make();
    await using logs = await Folder.make();
    const disk = new SmallDisk(logs.path, MEGABYTES);
    await using tcp = startTcp(folder.path, FAST);
    const port = `${freePort()}`;
    await using http = new Child("src/http-main.ts", {
      environment: {
        DATA_DIR: folder.path,
        HTTP_PORT: port,
        RPC_ADDRESSES: await tcp.listening(),
        LOG_LEVEL: "debug",
      },
      wrapper: [...disk.wrapper, "sh", "-c", 'exec "$@" > "$0"', `${logs.path}/log`],
    });
    const url = `http://127.0.0.1:${port}`;
    const isUp = () => fetch(url).then(Boolean, () => false);
    await eventually("it answers", isUp);

    await disk.fill(http.pid);
    for (let asked = 0; asked < 100; asked++) {
      const many = Array.from({ length: 150 }, () => fetch(`${url}/nothing`));
      for (const answer of await Promise.all(many)) expect(answer.status).toBe(404);
    }
    await disk.free(http.pid);
    const lines = async () => (await disk.read(http.pid, "log")).trimEnd().split("\n");
    await eventually("it says what was dropped", async () => {
      return (await lines()).some((line) => /"dropped":\d+,"msg":"dropped log lines/.test(line));
    });
    // Lines are whole, even those next to the end of the disk.
    for (const line of await lines()) expect(() => JSON.parse(line)).not.toThrow();
  });

  test("of SQLite: stored rows can be read, and no row is stored in part", async () => {
    await using folder = await Folder.make();
    await using data = await Folder.make();
    const disk = new SmallDisk(data.path, MEGABYTES);
    await using tcp = new Child("src/tcp-main.ts", {
      environment: { DATA_DIR: data.path, RPC_PORT: "0", ...FAST },
      wrapper: disk.wrapper,
    });
    await using http = startHttp(folder.path, await tcp.listening());
    const api = await join(await http.listening());

    await disk.fill(tcp.pid);
    expect(told(await api.signUp("ada1", PASSWORD))).toBe("1 503");
    expect(told(await api.signIn(USERNAME, PASSWORD))).toBe("1 503");
    expect(told(await api.signIn(USERNAME, "hopper1907"))).toBe("5 401");
    expect(told(await api.nickname("changed"))).toBe("1 503");
    expect(told(await api.avatar(avatarForm(PNG)))).toBe("1 503");
    expect(told(await api.signOut())).toBe("1 503");
    expect(await nicknameOf(api)).toBe(USERNAME);

    await disk.free(tcp.pid);
    expect(told(await api.signUp("ada1", PASSWORD))).toBe("7 200");
    expect(told(await api.nickname("changed"))).toBe("7 200");
    expect(await nicknameOf(api)).toBe("changed");
    expect(told(await api.signOut())).toBe("7 200");
  });
});
