import { expect, setDefaultTimeout, test } from "bun:test";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { Child, Folder, startTcp } from "../child.ts";

// Real servers on a shared machine: the limit ends a hang, it does not judge speed.
setDefaultTimeout(120_000);

const LIMIT = 256;
const CREDENTIALS = JSON.stringify({ username: "nobody1", password: "hopper1906" });
const SIGN_IN = `POST /api/entrytask/user/signin HTTP/1.1\r
Host: here\r
Content-Type: application/json\r
Content-Length: ${CREDENTIALS.length}\r
\r
`;

/** What each connection sends before it falls silent. */
const SILENCES = {
  nothing: "",
  "half a request": "GET /signIn.html HTTP/1.1\r\nHost: here\r\n",
  "a request, and then nothing": "GET /signIn.html HTTP/1.1\r\nHost: here\r\n\r\n",
};

/** More connections than the process has descriptors, kept open until the process closes them. */
function crowd(url: string, words: string): Disposable {
  const { hostname, port } = new URL(url);
  const sockets: Socket[] = Array.from({ length: 2 * LIMIT }, () => {
    const socket = connect(Number(port), hostname);
    // The test expects it to be closed.
    socket.on("error", () => socket.destroy());
    socket.resume();
    socket.write(words);
    return socket;
  });
  return {
    [Symbol.dispose]: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** A request whose body comes in two parts. */
function beginSlowly(url: string) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(SIGN_IN + CREDENTIALS.slice(0, 10));
  return {
    /** Resolves to the status of the answer. */
    async finish(): Promise<number> {
      socket.write(CREDENTIALS.slice(10));
      const [answer] = await once(socket, "data");
      socket.destroy();
      return Number(/^HTTP\/1\.1 (\d+)/.exec(String(answer))?.[1]);
    },
  };
}

/** CPU time of a process, in ms. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

for (const [what, words] of Object.entries(SILENCES)) {
  test(`an HTTP tier whose descriptors are taken by those who say ${what} serves on`, async () => {
    await using folder = await Folder.make();
    await using tcp = startTcp(folder.path);
    await using http = new Child("src/http-main.ts", {
      environment: {
        DATA_DIR: folder.path,
        HTTP_PORT: "0",
        RPC_ADDRESSES: await tcp.listening(),
      },
      wrapper: ["sh", "-c", `ulimit -n ${LIMIT} && exec "$@"`, "sh"],
    });
    const url = await http.listening();
    const ask = (path: string) =>
      fetch(`${url}${path}`, { keepalive: false, signal: AbortSignal.timeout(40_000) });
    expect((await ask("/api/entrytask/user/get_user_info")).status).toBe(401);
    const slow = beginSlowly(url);
    await Bun.sleep(100);

    const crowded = crowd(url, words);
    await http.waitFor(/"inUse":\d+,"limit":256,"msg":"few file descriptors are left/);
    // Running requests are not cut off.
    expect(await slow.finish()).toBe(404);
    expect((await ask("/signIn.html")).status).toBe(200);
    expect((await ask("/api/entrytask/user/get_user_info")).status).toBe(401);
    const [before, beganAt] = [cpuMs(http.pid), performance.now()];
    await Bun.sleep(2000);
    const share = (cpuMs(http.pid) - before) / (performance.now() - beganAt);
    expect(share).toBeLessThan(0.5);
    crowded[Symbol.dispose]();
    http.kill("SIGTERM");
    expect(await http.exited()).toBe(0);
  });
}
