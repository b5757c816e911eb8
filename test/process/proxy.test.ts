import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { request } from "node:http";
import { BlockList, connect, type Socket } from "node:net";
import { startFront } from "../http-front.ts";
import { available, startNginx } from "../nginx.ts";
import { startStack } from "../stack.ts";
import { eventually } from "../storage-pairs.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const PER_ADDRESS = 64;
const SIGN_IN = "/api/entrytask/user/signin";

describe.skipIf(!available)("the settings for nginx in docs/deploy.md", () => {
  test("let one address have 64 connections, and answer more with 429", async () => {
    await using stack = await startStack();
    await using proxy = await startNginx(stack.url);
    const sockets: Socket[] = [];
    try {
      const { hostname, port } = new URL(proxy.url);
      // nginx counts a connection when it has read the headers of a request.
      const head = [
        `POST ${SIGN_IN} HTTP/1.1`,
        "Host: here",
        "Content-Type: application/json",
        "Content-Length: 9",
      ];
      let refused = 0;
      for (let opened = 0; opened < 2 * PER_ADDRESS; opened++) {
        const socket = connect(Number(port), hostname);
        socket.on("data", (text) => {
          if (text.toString().startsWith("HTTP/1.1 429")) refused++;
        });
        socket.on("error", () => socket.destroy());
        socket.write(`${head.join("\r\n")}\r\n\r\n`);
        sockets.push(socket);
      }
      await eventually("those over the limit are refused", async () => refused === PER_ADDRESS);
      expect((await fetch(`${proxy.url}/signIn.html`)).status).toBe(429);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
    await eventually("there is room again", async () => {
      return (await fetch(`${proxy.url}/signIn.html`)).status === 200;
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
    await using far = await startNginx(near.url);
    for (const url of [front.url, near.url, far.url]) {
      await signInFrom("127.0.0.2", url, {});
      await signInFrom("127.0.0.2", url, { "X-Forwarded-For": "198.51.100.9" });
      await signInFrom("127.0.0.2", url, { "X-Forwarded-For": "198.51.100.9, 127.0.0.1" });
    }
    expect(addresses).toEqual(Array.from({ length: 9 }, () => "127.0.0.2"));
  });
});

/** Send a sign-in from one of the addresses of this machine. */
function signInFrom(localAddress: string, url: string, more: Record<string, string>) {
  const { hostname: host, port } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const headers = { "Content-Type": "application/json", ...more };
  const sent = request({ host, port, localAddress, path: SIGN_IN, method: "POST", headers });
  sent.on("error", reject);
  sent.on("response", (response) => response.resume().on("end", resolve));
  sent.end(JSON.stringify({ username: "grace", password: "hopper1906" }));
  return promise;
}
