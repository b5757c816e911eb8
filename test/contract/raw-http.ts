export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/**
 * Send `request` byte for byte, for what `fetch` would tidy up (`..` in a path, odd bytes in a
 * header), and read what comes until the server closes.
 */
export async function sendRaw(url: string, request: string | Uint8Array): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const { promise: closed, resolve, reject } = Promise.withResolvers<void>();
  const received: Uint8Array[] = [];
  let unsent = typeof request === "string" ? Buffer.from(request) : request;
  const flush = (socket: Bun.Socket): void => {
    unsent = unsent.subarray(Math.max(0, socket.write(unsent)));
  };
  await using _socket = await connect();
  await closed;
  const text = Buffer.concat(received).toString("latin1");
  const end = text.indexOf("\r\n\r\n");
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
  return { status, head: text.slice(0, end), body: text.slice(end + 4) };

  async function connect(): Promise<AsyncDisposable> {
    const socket = await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        open: flush,
        drain: flush,
        data: (_, bytes) => {
          received.push(bytes);
        },
        close: () => resolve(),
        error: (_, error) => reject(error),
      },
    });
    return { [Symbol.asyncDispose]: async () => socket.terminate() };
  }
}

/** A GET of `target`, exactly as written, on a connection of its own. */
export function getRaw(url: string, target: string, headers = ""): Promise<RawAnswer> {
  const { host } = new URL(url);
  return sendRaw(
    url,
    Buffer.from(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${headers}\r\n`),
  );
}
