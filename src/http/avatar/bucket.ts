import { RpcError } from "../../rpc/error.ts";
import {
  type AvatarStore,
  isPictureName,
  MAX_PICTURE_BYTES,
  newPictureName,
  PICTURE_TYPE,
} from "./store.ts";

/** Where a bucket is, and who asks for it. */
export interface BucketAccess {
  /** `https://host`, before the bucket's name. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** Before each name: "" or `some/folder/`. */
  readonly prefix: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

type Method = "PUT" | "GET" | "DELETE";

/** What S3 has answered, whole. */
interface Answer {
  readonly isOk: boolean;
  readonly status: number;
  /** The error's code in the XML of S3, as in "NoSuchKey"; "" where there is none. */
  readonly code: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** As for a call of the RPC: the way, all tries and the whole body. */
const DEADLINE_MS = 5000;
const MAX_TRIES = 3;
const MIN_BACKOFF_MS = 100;
/** For clocks that differ: S3 judges by its own. */
const SIGNED_FOR_SECONDS = 300;
const ERROR_CODE = /<Code>(\w+)<\/Code>/;

/**
 * Pictures in a bucket of S3, or of what speaks it.
 *
 * Bun's S3 client signs, and `fetch` carries: by itself the client would wait six minutes for an S3
 * that does not answer, could not be stopped, and would not try again after a 503. A picture is
 * one PUT, which S3 keeps whole or not at all, so there are no parts to be left behind. A signed
 * URL opens the door to its picture for a while, and the errors of `fetch` hold it: neither is
 * logged or passed on.
 */
export class AvatarBucket implements AvatarStore {
  readonly #s3: Bun.S3Client;
  readonly #prefix: string;
  readonly #deadlineMs: number;

  constructor({ prefix, ...access }: BucketAccess, deadlineMs = DEADLINE_MS) {
    this.#s3 = new Bun.S3Client(access);
    this.#prefix = prefix;
    this.#deadlineMs = deadlineMs;
  }

  /** @throws {RpcError} unavailable, deadline_exceeded: it may be there all the same, or soon */
  async save(name: string, picture: Blob): Promise<void> {
    const answer = await this.#ask("save picture", "PUT", name, picture);
    if (!answer.isOk) throw refused("save picture", answer);
  }

  /** @throws {RpcError} unavailable, deadline_exceeded */
  async remove(name: string): Promise<void> {
    const answer = await this.#ask("remove picture", "DELETE", name);
    if (!answer.isOk) throw refused("remove picture", answer);
  }

  /**
   * Whole, not as a stream: what breaks off on the way is then an error and not half a picture, and
   * a browser that reads slowly holds none of the few connections to S3.
   * @throws {RpcError} unavailable, deadline_exceeded
   */
  async find(name: string): Promise<Blob | undefined> {
    if (!isPictureName(name)) return undefined;
    const answer = await this.#ask("read picture", "GET", name);
    if (answer.isOk) return new Blob([answer.bytes]);
    if (isMissing(answer)) return undefined;
    throw refused("read picture", answer);
  }

  /**
   * Ask for a picture that there cannot be, as S3 says only then what is wrong with the access.
   * @returns the code of its refusal, as in "NoSuchBucket"; undefined where it would serve
   * @throws {RpcError} unavailable, deadline_exceeded: it does not say
   */
  async refusal(): Promise<string | undefined> {
    const answer = await this.#ask("ask S3", "GET", newPictureName());
    if (isMissing(answer)) return undefined;
    if (isTransient(answer)) throw refused("ask S3", answer);
    return answer.code || `${answer.status}`;
  }

  /** Again after what may pass, since all that is asked may be done twice. */
  async #ask(action: string, method: Method, name: string, body?: Blob): Promise<Answer> {
    const deadline = AbortSignal.timeout(this.#deadlineMs);
    for (let tries = 1; ; tries++) {
      const isLast = tries === MAX_TRIES;
      try {
        const answer = await this.#send(method, name, body, deadline);
        if (isLast || !isTransient(answer)) return answer;
      } catch (error) {
        if (error instanceof RpcError) throw error;
        if (deadline.aborted) {
          const message = `Cannot ${action}: S3 did not answer within ${this.#deadlineMs} ms`;
          throw new RpcError("deadline_exceeded", message);
        }
        if (isLast) throw unreachable(action, error);
      }
      await Bun.sleep(MIN_BACKOFF_MS * 2 ** (tries - 1) * (0.5 + Math.random()));
    }
  }

  async #send(
    method: Method,
    name: string,
    body: Blob | undefined,
    signal: AbortSignal,
  ): Promise<Answer> {
    const url = this.#s3.presign(this.#prefix + name, { method, expiresIn: SIGNED_FOR_SECONDS });
    const response = await fetch(url, {
      method,
      signal,
      redirect: "manual", // S3 sends to another region so, which our signature is not for.
      ...(body && { body, headers: { "Content-Type": PICTURE_TYPE } }),
    });
    const { ok: isOk, status } = response;
    const bytes = await readPicture(response);
    const code = isOk ? "" : (ERROR_CODE.exec(new TextDecoder().decode(bytes))?.[1] ?? "");
    return { isOk, status, code, bytes };
  }
}

/** By what comes, not by what is announced: it may be packed, or without an end. */
async function readPicture({ body }: Response): Promise<Uint8Array<ArrayBuffer>> {
  const sink = new Bun.ArrayBufferSink();
  sink.start({ asUint8Array: true });
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    // Leaving the loop cancels the rest.
    if (size > MAX_PICTURE_BYTES) {
      throw new RpcError("internal", `Picture over ${MAX_PICTURE_BYTES} bytes`);
    }
    sink.write(chunk);
  }
  return new Uint8Array(sink.end());
}

function isMissing({ status, code }: Answer): boolean {
  return status === 404 && code === "NoSuchKey"; // Not NoSuchBucket.
}

/** Overloaded, as a 503 SlowDown says, or broken for a moment. */
function isTransient({ status }: Answer): boolean {
  return status >= 500 || status === 429 || status === 408;
}

function refused(action: string, { status, code }: Answer): RpcError {
  return new RpcError("unavailable", `Cannot ${action}: S3 answered ${status} ${code}`);
}

/** S3 is somebody else, or the way to it is not safe: trying again would not help. */
export class CertificateError extends RpcError {
  constructor(action: string, code: string) {
    const hint = "NODE_EXTRA_CA_CERTS names a CA of one's own";
    super("unavailable", `Cannot ${action}: the certificate of S3 is refused: ${code} (${hint})`);
  }
}

/** Without what `fetch` has thrown, which holds the signed URL. */
function unreachable(action: string, error: unknown): RpcError {
  const code = error instanceof Error && "code" in error ? error.code : error;
  if (/^(ERR_TLS_CERT_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/.test(`${code}`)) {
    return new CertificateError(action, `${code}`);
  }
  return new RpcError("unavailable", `Cannot ${action}: S3 cannot be reached: ${code}`);
}
