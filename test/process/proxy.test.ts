import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { request } from "node:http";
import { request as requestSecurely } from "node:https";
import { BlockList } from "node:net";
import { join } from "node:path";
import { Authority, type Certificate, available as hasOpenssl } from "../certificates.ts";
import { Folder, ROOT } from "../child.ts";
import { available as hasHaproxy, startHaproxy } from "../haproxy.ts";
import { startFront } from "../http-front.ts";
import { available as hasNginx, startNginx } from "../nginx.ts";
import { freePort } from "../ports.ts";
import { RawBrowser } from "../raw-browser.ts";
import { startStack } from "../stack.ts";
import { eventually } from "../storage-pairs.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const PER_ADDRESS = 64;
const SIGN_IN = "/api/entrytask/user/signin";
const FILE_LIMIT = 8 * 1024 * 1024;

/** A small picture with bytes behind it, which decoders ignore. */
async function largestPicture(): Promise<File> {
  const small = await Bun.file(join(ROOT, "public/avatars/default.webp")).bytes();
  const bytes = new Uint8Array(FILE_LIMIT);
  bytes.set(small);
  return new File([bytes], "largest.webp");
}

const PROXIES = [
  { name: "nginx", available: hasNginx, start: startNginx },
  { name: "HAProxy", available: hasHaproxy, start: startHaproxy },
];

for (const { name, available, start } of PROXIES) {
  describe.skipIf(!available || !hasNginx || !hasOpenssl)(
    `the settings for ${name} in deploy/`,
    () => {
      let folder: Folder;
      let certificate: Certificate;
      beforeAll(async () => {
        folder = await Folder.make();
        const authority = await Authority.create(folder.path, "authority");
        certificate = await authority.sign("server", "IP:127.0.0.1");
      });
      afterAll(() => folder[Symbol.asyncDispose]());

      test("let one address have 64 connections", async () => {
        await using stack = await startStack();
        await using proxy = await start([stack.url, stack.url], { certificate });
        const browsers: RawBrowser[] = [];
        let refused = 0;
        try {
          // nginx counts a connection when it has read the headers of a request.
          for (let opened = 0; opened < 2 * PER_ADDRESS; opened++) {
            const browser = await RawBrowser.connect(proxy.url).catch(() => undefined);
            if (!browser) {
              refused++; // HAProxy resets the connection.
              continue;
            }
            browsers.push(browser);
            browser.send(
              `POST ${SIGN_IN} HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n` +
                "Content-Length: 9\r\n\r\n",
            );
            void browser.answer().then(
              ({ status }) => {
                if (status === 429) refused++;
              },
              () => {
                refused++;
              },
            );
          }
          await eventually("those over the limit are refused", async () => refused === PER_ADDRESS);
        } finally {
          for (const browser of browsers) browser.leave();
        }
        await eventually("there is room again", async () => {
          return (await ask(`${proxy.url}/signIn.html`))?.status === 200;
        });
      });

      test("tell the address of the browser, whatever address the browser claims", async () => {
        const addresses: (string | undefined)[] = [];
        const trustedProxies = new BlockList();
        trustedProxies.addAddress("127.0.0.1", "ipv4");
        await using front = await startFront(
          {
            signIn: async ({ client }) => {
              addresses.push(client?.address);
              throw new Error("not needed");
            },
          },
          { trustedProxies },
        );
        await using near = await startNginx(front.url);
        // HAProxy asks /readyz, which nginx hides.
        const behind = name === "nginx" ? near.url : front.url;
        await using far = await start([behind, behind], { certificate });
        for (const url of [front.url, near.url, far.url]) {
          await signInFrom("127.0.0.2", url, {});
          await signInFrom("127.0.0.2", url, { "X-Forwarded-For": "198.51.100.9" });
          await signInFrom("127.0.0.2", url, { "X-Forwarded-For": "198.51.100.9, 127.0.0.1" });
        }
        expect(addresses).toEqual(Array.from({ length: 9 }, () => "127.0.0.2"));
      });

      test("take a picture of 8 MiB, give ids, redirect to https and hide the probes", async () => {
        const redirectPort = freePort();
        const options = { certificate, redirectPort };
        await using stack = await startStack({ TRUSTED_PROXIES: "loopback" });
        await using proxy = await start([stack.url, stack.url], options);
        await stack.user.signUp({ username: "grace", password: "hopper1906" });
        const { sessionId } = await stack.user.signIn({
          username: "grace",
          password: "hopper1906",
        });
        const form = new FormData();
        form.set("profilePic", await largestPicture());
        const path = "/api/entrytask/user/update_profile_pic";
        const headers = { Cookie: `sessionID=${sessionId}`, "X-Request-Id": "chosen" };
        const sent = await ask(proxy.url + path, { method: "POST", headers, body: form });
        expect(await sent?.text()).toContain('"errCode":"7"');
        expect(sent?.headers.get("X-Request-Id")).toMatch(/^[\da-f-]{32,36}$/);
        for (const probe of ["/readyz", "/livez"])
          expect((await ask(proxy.url + probe))?.status).toBe(404);
        const plain = await ask(`http://127.0.0.1:${redirectPort}/signIn.html`);
        expect(plain?.status).toBe(301);
        expect((await ask(`http://127.0.0.1:${redirectPort}${path}`))?.status).toBe(403);
        expect(plain?.headers.get("Location")).toMatch(/^https:\/\/127\.0\.0\.1.*\/signIn\.html$/);
      });
    },
  );
}

/** Undefined if there is no answer. */
function ask(url: string, init: RequestInit = {}): Promise<Response | undefined> {
  const tls = { rejectUnauthorized: false };
  return fetch(url, { ...init, tls, redirect: "manual", keepalive: false }).catch(() => undefined);
}

/** Send a sign-in from one of the addresses of this machine. */
function signInFrom(localAddress: string, url: string, more: Record<string, string>) {
  const { hostname: host, port } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const headers = { "Content-Type": "application/json", ...more };
  const how = { host, port, localAddress, path: SIGN_IN, method: "POST", headers };
  const sent = url.startsWith("https:")
    ? requestSecurely({ ...how, rejectUnauthorized: false })
    : request(how);
  sent.on("error", reject);
  sent.on("response", (response) => response.resume().on("end", resolve));
  sent.end(JSON.stringify({ username: "grace", password: "hopper1906" }));
  return promise;
}
