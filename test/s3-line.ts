// A line to S3 on which something goes wrong, by a script: a fault for each request.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** The two ends of a connection: `near` is the HTTP tier's, `far` is that of S3. */
interface Ends {
  readonly near: Socket;
  readonly far: Socket;
}

/** What becomes of a request: gets each chunk of it, in turn. */
export type Fault = (ends: Ends) => (chunk: Buffer) => void;

const REQUEST = /^([A-Z]+) (\/[^ ?]*)\S* HTTP\/1\.1\r\n/;

export const passes: Fault =
  ({ far }) =>
  (chunk) =>
    far.write(chunk);

/** S3 takes it and never answers. */
export const hangs: Fault = () => () => undefined;

/** S3 is not asked: this is answered in its place. */
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

/** The same, but only after a time. */
export function later(ms: number, fault: Fault): Fault {
  return (ends) => {
    const take = fault(ends);
    return (chunk) => void setTimeout(take, ms, chunk);
  };
}

/** S3 gets so many bytes of the request, and then the connection breaks. */
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

/** S3 does what it is asked, and of its answer only so many bytes arrive. */
export function losesAnswerAfter(bytes: number): Fault {
  return ({ near, far }) => {
    far.unpipe(near).resume();
    far.once("data", (chunk: Buffer) => near.end(chunk.subarray(0, bytes)));
    return (chunk) => far.write(chunk);
  };
}

/** S3 gets the request only once `until` resolves, whoever is still there by then. */
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
  /** What is done with the requests from now on: a fault each, the last for all that follow. */
  script: readonly Fault[] = [passes];
  /** All that were sent, as in "PUT /bucket/name". */
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
    // A line that breaks at one end is broken at the other; "close" comes after any error.
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
