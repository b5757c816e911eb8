import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import type { Browser, Page } from "playwright-core";
import { available, openBrowser } from "./browser.ts";
import { openApi } from "./contract/openapi.ts";
import { startStack } from "./stack.ts";

const TIMEOUT_MS = 60_000;
setDefaultTimeout(TIMEOUT_MS);

describe.skipIf(!available)("/docs in Chromium", () => {
  let browser: Browser;
  /** The same for all tests, since each new one starts processes. */
  let page: Page;
  beforeAll(async () => {
    browser = await openBrowser();
    page = await browser.newPage();
    page.setDefaultTimeout(TIMEOUT_MS / 2);
  });
  afterEach(() => page.removeAllListeners());
  afterAll(() => browser.close());

  test.each(["light", "dark"] as const)("shows every endpoint, in a %s theme", async (theme) => {
    await using stack = await startStack();
    await page.emulateMedia({ colorScheme: theme });
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    const foreign: string[] = [];
    page.on("request", (request) => {
      if (!request.url().startsWith(stack.url) && !request.url().startsWith("data:"))
        foreign.push(request.url());
    });

    await page.goto(`${stack.url}/docs`);
    await page.locator(".opblock").first().waitFor();

    const operations = Object.values(Object(openApi.paths)).flatMap((path) =>
      Object.values(Object(path)).map((operation) => Object(operation).operationId),
    );
    const shown = await page
      .locator(".opblock")
      .evaluateAll((blocks) => blocks.map((block) => block.id.split("-").at(-1)));
    expect(shown.sort()).toEqual(operations.sort());
    const isDark = await page.locator("html").evaluate((html) => html.matches(".dark-mode"));
    expect(isDark).toBe(theme === "dark");
    expect(complaints).toEqual([]);
    expect(foreign).toEqual([]);
  });

  test("tries out what it shows, with a picture too", async () => {
    await using stack = await startStack();
    await stack.user.signUp({ username: "grace", password: "hopper1906" });
    await page.goto(`${stack.url}/docs`);
    const open = async (operation: string) => {
      const block = page.locator(`[id$="-${operation}"]`);
      await block.locator(".opblock-summary-control").click();
      await block.getByRole("button", { name: "Try it out" }).click();
      return block;
    };
    // The example in the document uses a user that exists.
    const signIn = await open("signIn");
    await signIn.getByRole("button", { name: "Execute" }).click();
    await signIn.locator(".live-responses-table .response-col_status").getByText("200").waitFor();

    const upload = await open("updateProfilePic");
    const picture = await Bun.file("public/avatars/default.webp").bytes();
    await upload.locator("input[type=file]").setInputFiles({
      name: "me.webp",
      mimeType: "image/webp",
      buffer: Buffer.from(picture),
    });
    await upload.getByRole("button", { name: "Execute" }).click();
    const answer = upload.locator(".live-responses-table");
    await answer.locator(".response-col_status").first().waitFor();
    expect(await answer.textContent()).toContain('"errMsg": "success"');
  });
});
