export interface WholeAnswer {
  readonly status: number;
  /** Status line and headers. */
  readonly head: string;
  readonly body: string;
}

type Way = "reset" | "end";

/** One keep-alive HTTP/1.1 connection with raw bytes: it sees what `fetch` hides. */
export class RawBrowser implements Disposable {
  readonly #socket: Bun.Socket;
  readonly #closed = Promise.withResolvers<void>();
  #received = Buffer.alloc(0);
  #isClosed = false;
  #wake = Promise.withResolvers<void>();

  private constructor(socket: Bun.Socket) {
    this.#socket = socket;
  }

  /**
   * By https, it trusts any certificate.
   * @throws {Error} the connection is refused, or there is no handshake
   */
  static async connect(url: string): Promise<RawBrowser> {
    const { hostname, port, protocol } = new URL(url);
    const ready = Promise.withResolvers<void>();
    const isSecure = protocol === "https:";
    const browser = new RawBrowser(
      await Bun.connect({
        hostname,
        port: Number(port),
        ...(isSecure && { tls: { rejectUnauthorized: false } }),
        socket: {
          data: (_, bytes) => browser.#take(bytes),
          close: () => {
            ready.reject(new Error("closed before the handshake"));
            browser.#close();
          },
          error: () => browser.#close(),
          ...(isSecure && { handshake: () => ready.resolve() }),
        },
      }),
    );
    if (!isSecure) ready.resolve();
    await ready.promise;
    return browser;
  }

  send(text: string | Uint8Array): void {
    this.#socket.write(text);
  }

  get(path: string, headers = ""): Promise<WholeAnswer> {
    this.send(`GET ${path} HTTP/1.1\r\nHost: portico\r\n${headers}\r\n`);
    return this.answer();
  }

  /** The next whole answer. Throws if the connection closes before its last byte. */
  async answer(): Promise<WholeAnswer> {
    for (;;) {
      const answer = this.#parse();
      if (answer) return answer;
      if (this.#isClosed) throw new CutOff(this.#received.length);
      await this.#wake.promise;
    }
  }

  /** Resolves when the connection is closed by either end. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  leave(way: Way = "reset"): void {
    if (way === "end") this.#socket.end();
    else this.#socket.terminate();
  }

  [Symbol.dispose](): void {
    this.leave();
  }

  #parse(): WholeAnswer | undefined {
    const headEnd = this.#received.indexOf("\r\n\r\n");
    if (headEnd < 0) return undefined;
    const head = this.#received.toString("latin1", 0, headEnd);
    const bodyBytes = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
    const end = headEnd + 4 + bodyBytes;
    if (this.#received.length < end) return undefined;
    const body = this.#received.toString("utf8", headEnd + 4, end);
    this.#received = this.#received.subarray(end);
    return { status: Number(head.split(" ")[1]), head, body };
  }

  #take(bytes: Uint8Array): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    this.#notify();
  }

  #close(): void {
    this.#isClosed = true;
    this.#closed.resolve();
    this.#notify();
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }
}

/** The connection closed before the whole answer came. */
export class CutOff extends Error {
  override readonly name = "CutOff";
  /** Bytes of the answer that came. */
  readonly bytes: number;

  constructor(bytes: number) {
    super(`Cannot read the answer: closed after ${bytes} of its bytes`);
    this.bytes = bytes;
  }
}
