import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { available, openBrowser } from "./browser.ts";
import { startStack } from "./stack.ts";

const TIMEOUT_MS = 60_000;
setDefaultTimeout(TIMEOUT_MS);

const GRACE = { username: "grace", password: "hopper1906" };
const API = "/api/entrytask/user";

const SUITE = available
  ? "the pages in Chromium"
  : "the pages in Chromium (left out: no chromium, chromium-browser or google-chrome on the PATH)";

describe.skipIf(!available)(SUITE, () => {
  let browser: Browser;
  let window: Page;
  const between = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("") });
  beforeAll(async () => {
    browser = await openBrowser();
    window = await browser.newPage();
  });
  afterAll(async () => {
    await browser.close();
    await between.stop(true);
  });

  /** Make the window ready for the next visit. */
  async function leave(): Promise<void> {
    await window.unrouteAll();
    // Of the same site as the visits: for any other page, the browser would start a process.
    await window.goto(between.url.href);
    window.removeAllListeners("pageerror");
    window.removeAllListeners("console");
    await window.context().clearCookies();
  }

  /**
   * A person at a fresh service, in a window without cookies. Visits share the window unless they
   * have `options`, since each new one starts three processes. Each service has a port of its own,
   * so the browser keeps no data of an earlier one for it.
   */
  async function openVisit(options?: BrowserContextOptions) {
    await using cleanup = new AsyncDisposableStack();
    const stack = cleanup.use(await startStack());
    const page = options === undefined ? window : await browser.newPage(options);
    cleanup.defer(() => (page === window ? leave() : page.close()));
    page.setDefaultTimeout(TIMEOUT_MS / 2);
    const complaints = collectComplaints(page);
    const started = cleanup.move();
    return {
      page,
      complaints,
      user: stack.user,
      goto: (path: string) => page.goto(stack.url + path),
      [Symbol.asyncDispose]: () => started.disposeAsync(),
    };
  }

  /** A visit by Grace, signed in and looking at her account. */
  async function openAccount(options?: BrowserContextOptions) {
    const visit = await openVisit(options);
    await visit.user.signUp(GRACE);
    await visit.goto("/signIn.html");
    await submitCredentials(visit.page, GRACE);
    await visit.page.waitForURL("**/userInfo.html");
    await visit.page.locator("#account").waitFor();
    return visit;
  }

  test("sign-up leads to sign-in, and sign-in to the account", async () => {
    await using visit = await openVisit();
    const { page, complaints } = visit;

    await visit.goto("/");
    expect(new URL(page.url()).pathname).toBe("/signIn.html");
    await page.getByRole("link", { name: "Sign up" }).click();
    await page.waitForURL("**/signUp.html");
    await submitCredentials(page, GRACE);
    // Nothing of what was typed may be in the address.
    await page.waitForURL((url) => url.pathname === "/signIn.html" && url.search === "");
    await page.getByText("Your account is ready").waitFor();
    expect(await page.inputValue("[name=username]")).toBe("grace");
    await submitCredentials(page, GRACE);
    await page.waitForURL((url) => url.pathname === "/userInfo.html" && url.search === "");

    await page.locator("#account").waitFor();
    expect(await page.textContent("#shown-username")).toBe("grace");
    expect(await page.textContent("#shown-nickname")).toBe("grace");
    expect(await widthOfPicture(page)).toBe(256);
    await visit.goto("/");
    expect(new URL(page.url()).pathname).toBe("/userInfo.html");
    expect(complaints).toEqual([]);
  });

  const refusals = [
    {
      what: "a taken name",
      path: "/signUp.html",
      given: { ...GRACE },
      says: "This username is taken",
      focus: "username",
      status: 409,
    },
    {
      what: "a name that is too short",
      path: "/signUp.html",
      given: { username: "abc", password: "hopper1906" },
      says: "4 to 13 letters",
      focus: "username",
      status: 400,
    },
    {
      what: "a password that is too long",
      path: "/signUp.html",
      given: { username: "hopper", password: "12345678901234" },
      says: "4 to 13 characters for the password",
      focus: "password",
      status: 400,
    },
    {
      what: "a wrong password",
      path: "/signIn.html",
      given: { username: "grace", password: "hopper1907" },
      says: "not the password",
      focus: "password",
      status: 401,
    },
    {
      what: "an unknown name",
      path: "/signIn.html",
      given: { username: "Grace", password: "hopper1906" },
      says: "no account with this username",
      focus: "username",
      status: 404,
    },
  ];
  for (const { what, path, given, says, focus, status } of refusals) {
    test(`${path} says in its alert that it refuses ${what}, and the form can be sent again`, async () => {
      await using visit = await openVisit();
      const { page, complaints } = visit;
      await visit.user.signUp(GRACE);

      await visit.goto(path);
      await submitCredentials(page, given);

      await page.getByRole("alert").filter({ hasText: says }).waitFor();
      expect(await page.locator("*:focus").getAttribute("name")).toBe(focus);
      const other = { username: "lovelace", password: "ada-1815" };
      await submitCredentials(page, path === "/signUp.html" ? other : GRACE);
      await page.waitForURL(path === "/signUp.html" ? "**/signIn.html" : "**/userInfo.html");
      expect(complaints).toEqual([`status of ${status}`]);
    });
  }

  test("the forms send every text that the server accepts, counted in code points", async () => {
    await using visit = await openVisit();
    const { page, complaints } = visit;
    const longest = { username: "𝒜".repeat(13), password: "🔑".repeat(13) };

    await visit.goto("/signUp.html");
    await submitCredentials(page, longest);
    await page.waitForURL("**/signIn.html");
    await submitCredentials(page, longest);
    await page.waitForURL("**/userInfo.html");

    await page.locator("#account").waitFor();
    expect(await page.textContent("#shown-username")).toBe(longest.username);
    expect(complaints).toEqual([]);
  });

  test("a nickname of any script is shown at once and after a reload, and fits on a phone", async () => {
    await using visit = await openAccount({ viewport: { width: 320, height: 640 } });
    const { page, complaints } = visit;

    for (const nickname of ["Amazing", "🎉🎈🎁🎂🍰🎊🥳✨", "<b>שלום", "﷽﷽﷽﷽﷽﷽﷽﷽"]) {
      await page.fill("[name=nickname]", nickname);
      await page.getByRole("button", { name: "Save nickname" }).click();

      await page.getByText("Your nickname is saved").waitFor();
      expect(await page.textContent("#shown-nickname")).toBe(nickname);
      await page.reload();
      await page.locator("#account").waitFor();
      expect(await page.textContent("#shown-nickname")).toBe(nickname);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    }
    expect(complaints).toEqual([]);
  });

  test("an uploaded picture is previewed, shown, and shown again after a reload", async () => {
    await using visit = await openAccount();
    const { page, complaints } = visit;

    await page.setInputFiles("[name=profilePic]", {
      name: "portrait.png",
      mimeType: "image/png",
      buffer: await pngOf({ width: 40, height: 30 }),
    });
    await page.locator("#preview").waitFor();
    await page.getByRole("button", { name: "Upload picture" }).click();
    await page.getByText("Your picture is saved").waitFor();

    expect(await page.getAttribute("#picture", "src")).not.toBe("/avatars/default.webp");
    expect(await widthOfPicture(page)).toBe(30);
    await page.reload();
    await page.locator("#account").waitFor();
    expect(await widthOfPicture(page)).toBe(30);
    expect(complaints).toEqual([]);
  });

  test("the default picture is shown if the picture is missing", async () => {
    await using visit = await openAccount();
    const { page, complaints, user } = visit;
    const cookies = await page.context().cookies();
    const sessionId = cookies.find(({ name }) => name === "sessionID")?.value ?? "";
    await user.updateProfilePic({ sessionId, profilePath: "gone.webp" });

    await page.reload();

    await page.locator("#picture[src='/avatars/default.webp']").waitFor();
    expect(await widthOfPicture(page)).toBe(256);
    expect(complaints).toEqual(["status of 404"]);
  });

  test("an upload without a picture is refused, and the old one stays", async () => {
    await using visit = await openAccount();
    const { page, complaints } = visit;
    const file = { name: "a.png", mimeType: "image/png", buffer: Buffer.from("no picture") };

    await page.getByRole("button", { name: "Upload picture" }).click();
    await page.getByRole("alert").filter({ hasText: "choose a picture first" }).waitFor();
    await page.setInputFiles("[name=profilePic]", file);
    await page.getByRole("button", { name: "Upload picture" }).click();

    await page.getByRole("alert").filter({ hasText: "cannot be used" }).waitFor();
    expect(await page.getAttribute("#picture", "src")).toBe("/avatars/default.webp");
    expect(complaints).toEqual(["status of 400"]);
  });

  test("signing out leads to sign-in, and the account needs a sign-in again", async () => {
    await using visit = await openAccount();
    const { page, complaints } = visit;

    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL("**/signIn.html");
    await page.getByText("You are signed out").waitFor();

    await visit.goto("/userInfo.html");
    await page.waitForURL("**/signIn.html");
    await page.getByText("Please sign in first").waitFor();
    await visit.goto("/");
    expect(new URL(page.url()).pathname).toBe("/signIn.html");
    expect(complaints).toEqual(["status of 401"]);
  });

  test("a session that ends while its page is open leads to sign-in with the name filled in", async () => {
    await using visit = await openAccount();
    const { page, complaints } = visit;

    await page.context().clearCookies();
    await page.getByRole("button", { name: "Save nickname" }).click();

    await page.waitForURL("**/signIn.html");
    await page.getByText("Your session has ended").waitFor();
    expect(await page.inputValue("[name=username]")).toBe("grace");
    expect(complaints).toEqual(["status of 401"]);
  });

  const troubles = [
    {
      what: "a database that failed",
      answer: { status: 503, json: { errCode: "1", errMsg: "DataBaseError", data: "" } },
      says: "The accounts cannot be reached",
    },
    {
      what: "an answer that is not the API's",
      answer: { status: 502, contentType: "text/html", body: "<h1>Bad Gateway</h1>" },
      says: "HTTP 502",
    },
    { what: "a server that cannot be reached", answer: undefined, says: "Check your connection" },
  ];
  for (const { what, answer, says } of troubles) {
    test(`the account page tells of ${what} and can try again`, async () => {
      await using visit = await openAccount();
      const { page, complaints } = visit;
      const url = `**${API}/get_user_info`;
      await page.route(url, (route) => (answer ? route.fulfill(answer) : route.abort()));

      await page.reload();
      await page.getByRole("alert").filter({ hasText: says }).waitFor();
      expect(await page.locator("#account").isVisible()).toBe(false);
      await page.unroute(url);
      await page.getByRole("button", { name: "Try again" }).click();

      await page.locator("#account").waitFor();
      expect(await page.getByRole("alert").isVisible()).toBe(false);
      expect(complaints).toEqual([answer ? `status of ${answer.status}` : "net::ERR_FAILED"]);
    });
  }

  test("a button is disabled during its request, and enabled again if that fails", async () => {
    await using visit = await openVisit();
    const { page } = visit;
    const arrived = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    await page.route(`**${API}/signin`, async (route) => {
      arrived.resolve();
      await released.promise;
      await route.abort();
    });
    const button = page.getByRole("button", { name: "Sign in" });

    await visit.goto("/signIn.html");
    await submitCredentials(page, GRACE);
    await arrived.promise;
    expect(await button.isDisabled()).toBe(true);
    released.resolve();

    await page.getByRole("alert").filter({ hasText: "Check your connection" }).waitFor();
    expect(await button.isEnabled()).toBe(true);
  });

  for (const path of ["/signUp.html", "/signIn.html"]) {
    test(`${path} keeps the password out of the address without JavaScript too`, async () => {
      await using visit = await openVisit({ javaScriptEnabled: false });
      const { page } = visit;

      await visit.goto(path);
      await submitCredentials(page, GRACE);

      await page.waitForURL((url) => url.pathname.startsWith(API));
      expect(page.url()).not.toContain(GRACE.password);
    });
  }
});

/** What the browser reports as wrong, in short: errors of scripts, the CSP, failed requests. */
function collectComplaints(page: Page): string[] {
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    // A refusal's status is reported as an error like any other: tests name the ones they expect.
    const [short] = /status of \d+|net::\w+/.exec(message.text()) ?? [message.text()];
    complaints.push(short);
  });
  return complaints;
}

async function submitCredentials(page: Page, { username, password }: typeof GRACE): Promise<void> {
  await page.fill("[name=username]", username);
  await page.fill("[name=password]", password);
  await page.click("[type=submit]");
}

/** In the picture's own pixels; waits until it is loaded and fails where it is not a picture. */
function widthOfPicture(page: Page): Promise<number> {
  return page.locator("#picture").evaluate(async (image) => {
    if (!(image instanceof HTMLImageElement)) throw new Error("#picture is no img");
    await image.decode();
    return image.naturalWidth;
  });
}

/** A grey PNG, made from a BMP, whose pixels need no compression and so can be written here. */
async function pngOf({ width, height }: { width: number; height: number }): Promise<Buffer> {
  const HEADER_BYTES = 54;
  const bmp = Buffer.alloc(HEADER_BYTES + width * height * 4, 0x7f);
  bmp.fill(0, 0, HEADER_BYTES);
  bmp.write("BM");
  bmp.writeUInt32LE(bmp.length, 2);
  bmp.writeUInt32LE(HEADER_BYTES, 10);
  bmp.writeUInt32LE(40, 14);
  bmp.writeInt32LE(width, 18);
  bmp.writeInt32LE(height, 22);
  bmp.writeUInt16LE(1, 26);
  bmp.writeUInt16LE(32, 28);
  return new Bun.Image(bmp).png().buffer();
}
