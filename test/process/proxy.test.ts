import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../child.ts";
import { freePort } from "../ports.ts";
import { PROGRAMS, programPath } from "../programs.ts";
import { startStack } from "../stack.ts";
import { eventually } from "../storage-pairs.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const NGINX = programPath(PROGRAMS.nginx);
const PER_ADDRESS = 64;
const LANGUAGE_END = "\n```";

/** The settings of docs/deploy.md, on another port and without TLS. */
async function settings(upstream: string, port: number): Promise<string> {
  const guide = await Bun.file(join(ROOT, "docs/deploy.md")).text();
  const [, block = ""] = guide.split("```nginx\n");
  return block
    .slice(0, block.indexOf(LANGUAGE_END))
    .replace("127.0.0.1:9090", new URL(upstream).host)
    .replace("listen 443 ssl http2;", `listen 127.0.0.1:${port};`)
    .replace(/^ *ssl_certificate.*\n/gm, "");
}

async function startNginx(upstream: string): Promise<AsyncDisposable & { url: string }> {
  const folder = await mkdtemp(join(tmpdir(), "portico-nginx-"));
  const port = freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const paths = temporary.map((name) => `${name}_temp_path ${folder}/${name};`);
  const config = `daemon off; pid ${folder}/pid; error_log ${folder}/error.log;
    events { worker_connections 1024; }
    http { access_log off; ${paths.join("\n")}\n${await settings(upstream, port)} }`;
  await Bun.write(join(folder, "nginx.conf"), config);
  const nginx = Bun.spawn([NGINX ?? "nginx", "-p", folder, "-c", join(folder, "nginx.conf")], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const url = `http://127.0.0.1:${port}`;
  await eventually("nginx answers", () =>
    fetch(`${url}/signIn.html`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return {
    url,
    async [Symbol.asyncDispose]() {
      nginx.kill("SIGTERM");
      await nginx.exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

describe.skipIf(!NGINX)("the settings for nginx in docs/deploy.md", () => {
  test("let one address have 64 connections, and answer more with 429", async () => {
    await using stack = await startStack();
    await using proxy = await startNginx(stack.url);
    const sockets: Socket[] = [];
    try {
      const { hostname, port } = new URL(proxy.url);
      // nginx counts a connection when it has read the headers of a request.
      const head = [
        "POST /api/entrytask/user/signin HTTP/1.1",
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
});
