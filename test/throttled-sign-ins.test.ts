import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { UserClient } from "../src/gen/user.ts";
import { Balancer } from "../src/rpc/client/balancer.ts";
import { failure, HOST } from "../src/rpc/testing/stack.ts";
import { startStack } from "./stack.ts";
import { PAIRS } from "./storage-pairs.ts";

// The throttle as browsers see it.

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(90_000);

interface Credentials {
  readonly username: string;
  readonly password: string;
}

const PASSWORD = "hopper1906";
const API = "/api/entrytask/user";

/** Posts from an address, as a proxy on this machine would. */
function browser(url: string, address: string) {
  return async (path: string, body: object, cookie?: string) => {
    const headers = new Headers({ "Content-Type": "application/json" });
    headers.set("X-Forwarded-For", address);
    if (cookie !== undefined) headers.set("Cookie", cookie);
    const response = await fetch(`${url}${API}/${path}`, {
      ...{ method: "POST", headers, body: JSON.stringify(body) },
    });
    const { errCode } = (await response.json()) as { errCode: string };
    const deviceId = response.headers
      .getSetCookie()
      .find((text) => text.startsWith("deviceID="))
      ?.split(";")[0];
    const sessionId = response.headers
      .getSetCookie()
      .find((text) => text.startsWith("sessionID="))
      ?.split(";")[0];
    const retryAfter = response.headers.get("Retry-After");
    return { status: response.status, errCode, deviceId, sessionId, retryAfter };
  };
}

/** A failed sign-in at one TCP server, from an address. */
async function failSignIn(port: number, wrong: Credentials, address: string): Promise<void> {
  const balancer = new Balancer([{ host: HOST, port }]);
  try {
    await failure(new UserClient(balancer).signIn({ ...wrong, client: { address } }));
  } finally {
    balancer.close();
  }
}

describe.each(PAIRS)("failed sign-ins on $name", ({ name, available, createLocation }) => {
  const servers = name.includes("Redis") ? [1, 2] : [1];

  test.skipIf(!available).each(servers)("are throttled by %d TCP servers", async (tcpServers) => {
    await using location = await createLocation();
    const { dataDir: DATA_DIR, databaseUrl, redisUrl } = location;
    await using stack = await startStack(
      {
        ...{ DATA_DIR, TRUSTED_PROXIES: "127.0.0.1" },
        ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
        ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
      },
      tcpServers,
    );
    const home = browser(stack.url, "203.0.113.7");
    const grace = { username: "grace", password: PASSWORD };
    const wrong = { username: "grace", password: "wrong-pass" };
    await home("signup", grace);
    const { deviceId } = await home("signin", grace);
    expect(deviceId).toBeString();

    const answers = [];
    for (let n = 0; n < 15; n++) answers.push(await home("signin", wrong));

    const looked = answers.filter(({ errCode }) => errCode === "5").length;
    expect(looked).toBeWithin(10, 10 + tcpServers);
    const refused = answers.filter(({ errCode }) => errCode !== "5");
    expect(refused.map(({ status, errCode }) => [status, errCode])).toEqual(
      refused.map(() => [429, "0"]),
    );
    // A server learns of the block from its own first failure, and chance may have spared one.
    for (const port of stack.rpcPorts) await failSignIn(port, wrong, "203.0.113.7");
    // The right password is refused, too.
    const { status, retryAfter } = await home("signin", grace);
    expect(status).toBe(429);
    expect(Number(retryAfter)).toBeWithin(1, 121);
    const known = await home("signin", grace, deviceId);
    expect(known).toMatchObject({ errCode: "7", deviceId: undefined });
    // Another host of the domain has set a cookie of this name, too.
    const planted = await home("signin", grace, `deviceID=a.b; ${deviceId}`);
    expect(planted).toMatchObject({ errCode: "7", deviceId: undefined });
    const elsewhere = browser(stack.url, "203.0.114.7");
    expect(await elsewhere("signin", grace)).toMatchObject({ errCode: "7" });
  });
});

describe("on the embedded pair", () => {
  test("sign-ups of an address are limited, those of another one are not", async () => {
    await using stack = await startStack({ TRUSTED_PROXIES: "127.0.0.1" });
    const signUp = (address: string, n: number) =>
      browser(stack.url, address)("signup", { username: `user${n}`, password: PASSWORD });
    for (let n = 0; n < 10; n++) {
      expect(await signUp("203.0.113.7", n)).toMatchObject({ errCode: "7" });
    }
    expect(await signUp("203.0.113.7", 10)).toMatchObject({ status: 429, errCode: "0" });
    expect(await signUp("203.0.113.8", 11)).toMatchObject({ errCode: "7" });
  });

  test("a stolen session cannot guess the password; a new one of the owner changes it", async () => {
    await using stack = await startStack();
    const post = browser(stack.url, "203.0.113.7");
    const grace = { username: "grace", password: PASSWORD };
    await post("signup", grace);
    const { sessionId: stolen } = await post("signin", grace);
    const newPassword = "lovelace1843";
    const codes: string[] = [];
    for (let n = 0; n < 8; n++) {
      const guess = { oldPassword: `guess-${n}`, newPassword };
      codes.push((await post("change_password", guess, stolen)).errCode);
      codes.push((await post("delete_account", { password: `guess-${n}` }, stolen)).errCode);
    }
    expect(codes).toEqual([...Array(10).fill("5"), ...Array(6).fill("0")]);
    const right = { oldPassword: PASSWORD, newPassword };
    expect(await post("change_password", right, stolen)).toMatchObject({ status: 429 });
    const { sessionId: owners } = await post("signin", grace);
    expect(await post("change_password", right, owners)).toMatchObject({ errCode: "7" });
  });

  test("an address that tries many names is refused", async () => {
    await using stack = await startStack({ TRUSTED_PROXIES: "127.0.0.1" });
    const statuses: number[] = [];
    for (let n = 0; n < 55; n++) {
      const invented = { username: `nobody${n}`, password: PASSWORD };
      statuses.push((await browser(stack.url, "2001:db8::1")("signin", invented)).status);
    }
    expect(statuses.filter((status) => status === 404).length).toBe(50);
    expect(statuses.filter((status) => status === 429).length).toBe(5);
    const neighbour = await browser(stack.url, "2001:db8::99")("signin", {
      ...{ username: "nobody", password: PASSWORD },
    });
    expect(neighbour.status).toBe(429);
  });

  test("a burst of wrong passwords passes no limit, whatever the number of connections", async () => {
    for (const PASSWORD_HASH of ["salted-md5", "argon2id:m=64,t=1,p=1"]) {
      await using stack = await startStack({ TRUSTED_PROXIES: "127.0.0.1", PASSWORD_HASH });
      await browser(stack.url, "203.0.113.7")("signup", { username: "grace", password: PASSWORD });
      const burst = Array.from({ length: 200 }, (_, n) =>
        browser(stack.url, `203.0.113.${n}`)("signin", { username: "grace", password: "wrong" }),
      );
      const codes = (await Promise.all(burst)).map(({ errCode }) => errCode);
      expect(codes.filter((code) => code === "5").length).toBe(10);
      expect(codes.filter((code) => code === "0").length).toBe(190);
    }
  });
});
