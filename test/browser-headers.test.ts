import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { available, openBrowser } from "./browser.ts";
import { startStack } from "./stack.ts";
import { eventually } from "./storage-pairs.ts";

// What Chromium does with the headers for security.

const TIMEOUT_MS = 60_000;
setDefaultTimeout(TIMEOUT_MS);

const PAGES = ["/signUp.html", "/signIn.html", "/userInfo.html", "/docs"];
const GRACE = { username: "grace", password: "hopper1906" };
const SIGN_IN = "/api/entrytask/user/signin";
const INFO = "/api/entrytask/user/get_user_info";
const PICTURE = "/avatars/default.webp";
const OTHERS = ["/", INFO, "/nothing", PICTURE, "/favicon.svg", "/openapi.json", "/page.js"];

/** Names for this machine. Addresses have no site in common with any other origin. */
const NAMES = ["--host-resolver-rules=MAP *.example.test 127.0.0.1, MAP other.test 127.0.0.1"];

/** A page of another site, which may do what it likes. */
function startForeignSite() {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response("<!doctype html>", { headers: { "Content-Type": "text/html" } }),
  });
  return {
    url: `http://localhost:${server.port}/`,
    urlAt: (name: string) => `http://${name}:${server.port}/`,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

describe.skipIf(!available)("the headers for security, in Chromium,", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser(NAMES);
  });
  afterAll(() => browser.close());

  async function openPage(): Promise<Page> {
    const page = await browser.newPage();
    page.setDefaultTimeout(TIMEOUT_MS / 2);
    return page;
  }

  test("hinder nothing that pages and other answers do", async () => {
    await using stack = await startStack();
    await using page = await openPage();
    const complaints: string[] = [];
    // Chromium reports the status 401 and 404 of what it shows as an error, too.
    page.on("console", (message) => {
      if (!/status of 40[14]/.test(message.text())) complaints.push(message.text());
    });
    for (const path of [...PAGES, ...OTHERS]) {
      await page.goto(stack.url + path, { waitUntil: "networkidle" });
    }
    expect(complaints).toEqual([]);
  });

  test("block a script and a style that an attacker has put into a page", async () => {
    await using stack = await startStack();
    await using page = await openPage();
    await stack.user.signUp(GRACE);
    // Without a session, one of the pages leads to another.
    await page.context().request.post(stack.url + SIGN_IN, { data: GRACE });
    for (const path of PAGES) {
      await page.goto(stack.url + path);
      const blocked = await page.evaluate(async () => {
        const found: string[] = [];
        addEventListener("securitypolicyviolation", (event) => {
          found.push(Object(event).effectiveDirective);
        });
        const add = (tag: "script" | "style" | "base" | "object", text: string) => {
          const element = document.createElement(tag);
          element.textContent = text;
          if (element instanceof HTMLBaseElement) element.href = "https://evil.example/";
          if (element instanceof HTMLObjectElement) element.data = "/favicon.svg";
          document.body.append(element);
        };
        add("script", "window.isRun = true");
        add("style", "body { display: none }");
        add("base", "");
        add("object", "");
        await fetch("https://evil.example/").catch(() => {});
        // The events come later, and none comes for what is allowed.
        for (let waits = 0; waits < 100 && found.length < 5; waits++) {
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        return { found: found.sort(), isRun: "isRun" in window };
      });
      const found = ["base-uri", "connect-src", "object-src", "script-src-elem", "style-src-elem"];
      expect({ path, ...blocked }).toEqual({ path, found, isRun: false });
    }
  });

  test("keep every answer out of frames of other sites", async () => {
    await using stack = await startStack();
    await using foreign = await startForeignSite();
    await using page = await openPage();
    for (const path of [...PAGES, ...OTHERS]) {
      await page.goto(foreign.url);
      const loaded = page.evaluate(
        (src) =>
          new Promise<void>((resolve) => {
            const frame = document.createElement("iframe");
            frame.onload = () => resolve();
            frame.src = src;
            document.body.append(frame);
          }),
        stack.url + path,
      );
      await loaded;
      await eventually(`the frame of ${path} shows an error`, async () => {
        return page.frames()[1]?.url() === "chrome-error://chromewebdata/";
      });
    }
  });

  test("let only the own origin load scripts, and the own site pictures", async () => {
    await using stack = await startStack();
    await using foreign = await startForeignSite();
    await using page = await openPage();
    const load = (tag: "script" | "img", path: string) =>
      page.evaluate(
        ([name, src]) =>
          new Promise<string>((resolve) => {
            const element = document.createElement(name as "script" | "img");
            element.onload = () => resolve("loaded");
            element.onerror = () => resolve("refused");
            element.src = src ?? "";
            document.body.append(element);
          }),
        [tag, `http://accounts.example.test:${new URL(stack.url).port}${path}`] as const,
      );
    await page.goto(foreign.urlAt("other.test"));
    expect(await load("script", "/api.js")).toBe("refused");
    expect(await load("script", INFO)).toBe("refused");
    expect(await load("img", PICTURE)).toBe("refused");
    expect(await load("img", "/favicon.svg")).toBe("refused");
    await page.goto(foreign.urlAt("blog.example.test"));
    expect(await load("script", "/api.js")).toBe("refused");
    expect(await load("img", PICTURE)).toBe("loaded");
    expect(await load("img", "/favicon.svg")).toBe("refused");
  });

  test("give a site that opens a page no reference to its window", async () => {
    await using stack = await startStack();
    await using foreign = await startForeignSite();
    await using page = await openPage();
    await page.goto(foreign.url);
    for (const path of PAGES) {
      const popup = page.waitForEvent("popup");
      await page.evaluate((url) => Object.assign(window, { opened: open(url) }), stack.url + path);
      // Not the load of the popup: the browser may swap its process, and the event is lost then.
      await page.waitForFunction(() => Object(window).opened.closed === true);
      await popup; // The context closes it: closing one whose process is swapped can wait for ever.
    }
  });
});
