// A proxy to S3 that breaks requests by a script: one fault for each request.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** The two ends of a connection: `near` is the HTTP tier's, `far` is that of S3. */
interface Ends {
  readonly near: Socket;
  readonly far: Socket;
}

/** What happens to a request: the function gets each chunk of it. */
export type Fault = (ends: Ends) => (chunk: Buffer) => void;

const REQUEST = /^([A-Z]+) (\/[^ ?]*)\S* HTTP\/1\.1\r\n/;

export const passes: Fault =
  ({ far }) =>
  (chunk) =>
    far.write(chunk);

/** S3 never answers. */
export const hangs: Fault = () => () => undefined;

/** The proxy answers itself; S3 gets nothing. */
export function answers(status: number, code: string): Fault {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code></Error>`;
  const headers = [`HTTP/1.1 ${status} -`, "Connection: close", `Content-Length: ${body.length}`];
  if (status < 400) headers.push("Location: http://127.0.0.1:1/elsewhere");
  const answer = [...headers, "", body].join("\r\n");
  return ({ near }) => {
    let isAnswered = false;
    return () => {
      if (!isAnswered) near.end(answer);
      isAnswered = true;
    };
  };
}

/** The same after a delay. */
export function later(ms: number, fault: Fault): Fault {
  return (ends) => {
    const take = fault(ends);
    return (chunk) => void setTimeout(take, ms, chunk);
  };
}

/** The connection breaks after S3 has got this many bytes of the request. */
export function breaksAfter(bytes: number): Fault {
  return ({ near, far }) => {
    let rest = bytes;
    return (chunk) => {
      if (rest > 0) far.write(chunk.subarray(0, rest));
      rest -= chunk.length;
      if (rest > 0) return;
      far.end();
      near.destroy();
    };
  };
}

/** S3 carries out the request, but only this many bytes of its answer arrive. */
export function losesAnswerAfter(bytes: number): Fault {
  return ({ near, far }) => {
    far.unpipe(near).resume();
    far.once("data", (chunk: Buffer) => near.end(chunk.subarray(0, bytes)));
    return (chunk) => far.write(chunk);
  };
}

/** S3 gets the request when `until` resolves, even if the client has left by then. */
export function comesLate(until: Promise<void>): Fault {
  return ({ near, far }) => {
    near.removeAllListeners("close");
    return async (chunk) => {
      await until;
      far.write(chunk);
    };
  };
}

export class S3Line implements AsyncDisposable {
  /** The faults of the next requests, one each; the last one applies to all that follow. */
  script: readonly Fault[] = [passes];
  /** All requests so far, as in "PUT /bucket/name". */
  readonly requests: string[] = [];
  readonly #sockets: Socket[] = [];
  readonly #server = createServer((near) => this.#join(near));
  readonly #s3Port: number;

  private constructor(s3Port: number) {
    this.#s3Port = s3Port;
  }

  static async open(s3Port: number): Promise<S3Line> {
    const line = new S3Line(s3Port);
    line.#server.listen(0, "127.0.0.1");
    await once(line.#server, "listening");
    return line;
  }

  get port(): number {
    const address = this.#server.address();
    if (typeof address !== "object" || !address) throw new Error("The line is closed");
    return address.port;
  }

  #join(near: Socket): void {
    const far = connect(this.#s3Port, "127.0.0.1");
    this.#sockets.push(near, far);
    far.pipe(near);
    // If one end breaks, break the other; "close" follows every error.
    near.on("error", () => undefined).on("close", () => far.destroy());
    far.on("error", () => undefined).on("close", () => near.destroy());
    let take: ((chunk: Buffer) => void) | undefined;
    near.on("data", (chunk: Buffer) => {
      const [head, method, path] = REQUEST.exec(chunk.toString("latin1")) ?? [];
      if (head) {
        this.requests.push(`${method} ${path}`);
        const [fault = passes, ...rest] = this.script;
        if (rest.length > 0) this.script = rest;
        take = fault({ near, far });
      }
      take?.(chunk);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}
