import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { Child, Folder } from "./child.ts";

// Clients that request files and do not read the answers must not fill the memory.

// A real process on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(60_000);

const MIB = 1024 * 1024;
const REQUEST_BYTES = 200_000;
/** Served from files on disk, one connection took more than 900 MiB. */
const MAX_GROWTH_MIB = 200;
const WATCHED_MS = 3000;

async function residentMiB(pid: number): Promise<number> {
  const status = await Bun.file(`/proc/${pid}/status`).text();
  return (Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024) / MIB;
}

/** Send as much as the connection takes, and read nothing. */
async function ask(url: string, text: string): Promise<Disposable> {
  let rest = Buffer.from(text);
  const flush = (socket: Bun.Socket) => {
    rest = rest.subarray(Math.max(0, socket.write(rest)));
  };
  const { hostname, port } = new URL(url);
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      open(opened) {
        opened.pause();
        flush(opened);
      },
      drain: flush,
      data: () => undefined,
    },
  });
  return { [Symbol.dispose]: () => socket.terminate() };
}

test.skipIf(!existsSync("/proc/self/status"))(
  "thousands of unread answers take little memory",
  async () => {
    await using folder = await Folder.make();
    const environment = { HTTP_PORT: "0", RPC_ADDRESSES: "127.0.0.1:1", DATA_DIR: folder.path };
    await using child = new Child("src/http-main.ts", { environment });
    const url = await child.listening();
    const before = await residentMiB(child.pid);
    using asked = new DisposableStack();
    for (const path of [
      "/docs/swagger-ui.css",
      "/docs/swagger-ui-bundle.js",
      "/openapi.json",
      "/signIn.html",
      "/avatars/default.webp",
    ]) {
      const request = `GET ${path} HTTP/1.1\r\nHost: portico\r\n\r\n`;
      // Many requests on one connection, and one request on each of many connections.
      asked.use(await ask(url, request.repeat(REQUEST_BYTES / request.length)));
      for (let count = 0; count < 50; count++) asked.use(await ask(url, request));
    }
    let most = 0;
    for (const endsAt = performance.now() + WATCHED_MS; performance.now() < endsAt; ) {
      most = Math.max(most, await residentMiB(child.pid));
      await Bun.sleep(50);
    }
    expect(most - before).toBeLessThan(MAX_GROWTH_MIB);
    expect((await fetch(`${url}/signIn.html`)).status).toBe(200);
  },
);
