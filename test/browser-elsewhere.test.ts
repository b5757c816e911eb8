import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { available, openBrowser } from "./browser.ts";
import { pngOf } from "./contract/images.ts";
import { startFront } from "./http-front.ts";
import { startStack } from "./stack.ts";

// Pages that are not what the server takes them for: of another account, or at another address.

const TIMEOUT_MS = 60_000;
setDefaultTimeout(TIMEOUT_MS);

const GRACE = { username: "grace", password: "hopper1906" };
const ADA = { username: "lovelace", password: "ada-1815" };

async function signIn(page: Page, { username, password }: typeof GRACE): Promise<void> {
  await page.goto("/signIn.html");
  await page.fill("[name=username]", username);
  await page.fill("[name=password]", password);
  await page.click("button[type=submit]");
}

const alertOf = (page: Page, text: string) =>
  page.getByRole("alert").filter({ hasText: text }).waitFor();

/** A proxy that sends all on under its own name of the service, as nginx does unless told. */
function startProxy() {
  const started = { target: "" };
  const proxy = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    development: false,
    async fetch(request) {
      const { pathname } = new URL(request.url);
      const headers = new Headers(request.headers);
      headers.set("Host", new URL(started.target).host);
      // Browsers send it to addresses that they trust, as https and this machine's own.
      headers.delete("Sec-Fetch-Site");
      headers.delete("Accept-Encoding");
      const { method } = request;
      const body = method === "POST" ? await request.bytes() : null;
      return fetch(started.target + pathname, { method, headers, body, redirect: "manual" });
    },
  });
  return Object.assign(started, {
    url: proxy.url.origin,
    [Symbol.asyncDispose]: () => proxy.stop(true),
  });
}

describe.skipIf(!available)("pages in Chromium", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser.close());

  test("of one account do not change another that has signed in since, and say so", async () => {
    await using stack = await startStack();
    await stack.user.signUp(GRACE);
    await stack.user.signUp(ADA);
    await using context = await browser.newContext({ baseURL: stack.url });
    const [stale, other] = [await context.newPage(), await context.newPage()];
    stale.setDefaultTimeout(TIMEOUT_MS / 2);
    await signIn(stale, GRACE);
    await stale.locator("#account").waitFor();
    await signIn(other, ADA);
    await other.locator("#account").waitFor();

    await stale.fill("#nickname", "Amazing");
    await stale.click("#nickname-form button");
    await alertOf(stale, "Another account has signed in");
    const picture = { name: "a.png", mimeType: "image/png", buffer: pngOf(2, 2, [1, 2, 3]) };
    await stale.locator("#profilePic").setInputFiles(picture);
    await stale.click("#picture-form button");
    await stale
      .locator("#picture-form [role=alert]")
      .filter({ hasText: "Another account" })
      .waitFor();

    for (const { username, password } of [GRACE, ADA]) {
      const { sessionId } = await stack.user.signIn({ username, password });
      const profile = await stack.user.getUserInfo({ sessionId });
      expect(profile).toEqual({ username, nickname: username, profilePath: "default.webp" });
    }
    await stale.reload();
    await stale.locator("#account").waitFor();
    expect(await stale.textContent("#shown-username")).toBe("lovelace");
    await stale.fill("#nickname", "Countess");
    await stale.click("#nickname-form button");
    await stale.getByText("Your nickname is saved").waitFor();
  });

  test("behind a proxy that changes the Host say that the address is wrong, not the username", async () => {
    await using front = await startFront({});
    await using proxy = startProxy();
    proxy.target = front.url;
    await using page = await browser.newPage({ baseURL: proxy.url });
    page.setDefaultTimeout(TIMEOUT_MS / 2);
    for (let times = 0; times < 2; times++) {
      await signIn(page, GRACE);
      await alertOf(page, `The server does not know ${proxy.url} as its own address`);
    }
    const warnings = front.logTexts.filter((text) => text.includes('"level":"warn"'));
    expect(warnings).toEqual([expect.stringContaining(`"origin":"${proxy.url}"`)]);
    expect(warnings[0]).toContain("set PUBLIC_URL");
  });

  test("behind such a proxy work if PUBLIC_URL is set", async () => {
    await using proxy = startProxy();
    await using stack = await startStack({ PUBLIC_URL: proxy.url });
    proxy.target = stack.url;
    await stack.user.signUp(GRACE);
    await using page = await browser.newPage({ baseURL: proxy.url });
    page.setDefaultTimeout(TIMEOUT_MS / 2);
    await signIn(page, GRACE);
    await page.locator("#account").waitFor();
  });
});
