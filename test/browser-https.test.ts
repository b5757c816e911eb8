import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Browser } from "playwright-core";
import { available as browserAvailable, openBrowser } from "./browser.ts";
import { Authority, available as opensslAvailable } from "./certificates.ts";
import { Folder } from "./child.ts";
import { available as nginxAvailable, startNginx } from "./nginx.ts";
import { freePort } from "./ports.ts";
import { startStack } from "./stack.ts";

// The pages by https, behind nginx with the settings of deploy/, in Chromium.

const TIMEOUT_MS = 60_000;
setDefaultTimeout(TIMEOUT_MS);

const GRACE = { username: "grace", password: "hopper1906" };
const EVE = { username: "evelyn", password: "evil-1906" };
const INFO = "/api/entrytask/user/get_user_info";
const HOST = "accounts.example.test";
const NAMES = ["--host-resolver-rules=MAP *.example.test 127.0.0.1"];

/** Another host of the domain. It sets cookies for the whole domain. */
function startOtherHost(cookies: readonly string[], cert: string, key: string) {
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert: Bun.file(cert), key: Bun.file(key) },
    fetch: () =>
      new Response("<!doctype html>", {
        headers: [
          ["Content-Type", "text/html"],
          ...cookies.map((cookie) => ["Set-Cookie", cookie] as [string, string]),
        ],
      }),
  });
}

describe.skipIf(!browserAvailable || !nginxAvailable || !opensslAvailable)("by https", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser(NAMES);
  });
  afterAll(() => browser.close());

  test.each(["", "on"])(
    "with COOKIE_HOST_PREFIX=%p, pages work; only with `on`, another host cannot replace the session",
    async (COOKIE_HOST_PREFIX) => {
      await using folder = await Folder.make();
      const authority = await Authority.create(folder.path, "authority");
      const certificate = await authority.sign("server", `DNS:${HOST}`);
      const port = freePort();
      const url = `https://${HOST}:${port}`;
      await using stack = await startStack({ PUBLIC_URL: url, COOKIE_HOST_PREFIX });
      await using _proxy = await startNginx(stack.url, { port, certificate });
      for (const user of [GRACE, EVE]) await stack.user.signUp(user);
      const { sessionId } = await stack.user.signIn(EVE);
      const name = COOKIE_HOST_PREFIX ? "__Host-sessionID" : "sessionID";
      // This host may set the cookie for a longer path, which browsers send first.
      const attributes = "Domain=example.test; Path=/api; Secure";
      const cookies = ["sessionID", "__Host-sessionID"].map(
        (each) => `${each}=${sessionId}; ${attributes}`,
      );
      const other = startOtherHost(cookies, certificate.cert, certificate.key);
      await using context = await browser.newContext({ baseURL: url, ignoreHTTPSErrors: true });
      try {
        const page = await context.newPage();
        page.setDefaultTimeout(TIMEOUT_MS / 2);
        const complaints: string[] = [];
        page.on("console", (message) => complaints.push(message.text()));

        await page.goto("/signIn.html");
        await page.fill("[name=username]", GRACE.username);
        await page.fill("[name=password]", GRACE.password);
        await page.click("button[type=submit]");
        await page.locator("#account").waitFor();
        const own = (await context.cookies(url)).find((cookie) => cookie.name === name);
        expect(own).toMatchObject({ secure: true, httpOnly: true, path: "/", domain: HOST });
        expect(complaints).toEqual([]);

        await page.goto(`https://blog.example.test:${other.port}/`);
        await page.goto("/userInfo.html");
        await page.locator("#account").waitFor();
        const info = await page.evaluate(
          (path) => fetch(path).then((answer) => answer.json()),
          INFO,
        );
        expect(info.data.username).toBe((COOKIE_HOST_PREFIX ? GRACE : EVE).username);
        if (!COOKIE_HOST_PREFIX) return;

        await page.click("#sign-out-form button");
        await page.waitForURL("**/signIn.html");
        expect((await context.cookies(url)).map((cookie) => cookie.name)).not.toContain(name);
      } finally {
        await other.stop(true);
      }
    },
  );
});
