import { RpcError } from "../../rpc/error.ts";
import { listingUrl, readListing } from "./listing.ts";
import {
  type AvatarStore,
  isGeneratedName,
  isPictureName,
  MAX_PICTURE_BYTES,
  newPictureName,
  PICTURE_TYPE,
} from "./store.ts";

/** Where a bucket is, and the access key for it. */
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

interface Request {
  /** For messages, as in "save picture". */
  readonly action: string;
  readonly method: "PUT" | "GET" | "DELETE";
  /** A signed one. */
  url(): string;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly maxBytes: number;
}

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
/** Of 1,000 objects at once; S3 says some 300 bytes of each, and more where a name is long. */
const MAX_LISTING_BYTES = 2 * 1024 * 1024;
const ERROR_CODE = /<Code>(\w+)<\/Code>/;

/**
 * Pictures in a bucket of S3, or of an S3-compatible store.
 *
 * Bun's S3 client signs, and `fetch` carries: by itself the client would wait six minutes for an S3
 * that does not answer, could not be stopped, and would not try again after a 503. A picture is
 * one PUT, which S3 keeps whole or not at all, so there are no parts to be left behind. A signed
 * URL opens the door to its picture for a while, and the errors of `fetch` hold it: neither is
 * logged or passed on.
 */
export class AvatarBucket implements AvatarStore {
  readonly #access: BucketAccess;
  readonly #s3: Bun.S3Client;
  readonly #deadlineMs: number;

  constructor(access: BucketAccess, deadlineMs = DEADLINE_MS) {
    const { prefix: _prefix, ...signing } = access;
    this.#access = access;
    this.#s3 = new Bun.S3Client(signing);
    this.#deadlineMs = deadlineMs;
  }

  /** @throws {RpcError} unavailable, deadline_exceeded: it may be there all the same, or soon */
  async save(
    name: string,
    picture: Uint8Array<ArrayBuffer>,
    timeoutMs = this.#deadlineMs,
  ): Promise<void> {
    const request = { ...this.#object("save picture", "PUT", name), body: picture };
    const answer = await this.#ask(request, Math.min(timeoutMs, this.#deadlineMs));
    if (!answer.isOk) throw refused(request, answer);
  }

  /** @throws {RpcError} unavailable, deadline_exceeded */
  async remove(name: string): Promise<void> {
    const request = this.#object("remove picture", "DELETE", name);
    const answer = await this.#ask(request);
    if (!answer.isOk) throw refused(request, answer);
  }

  /**
   * Whole, not as a stream: what breaks off on the way is then an error and not half a picture, and
   * a browser that reads slowly holds none of the few connections to S3.
   * @throws {RpcError} unavailable, deadline_exceeded
   */
  async find(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (!isPictureName(name)) return undefined;
    const request = this.#object("read picture", "GET", name);
    const answer = await this.#ask(request);
    if (answer.isOk) return answer.bytes;
    if (isMissing(answer)) return undefined;
    throw refused(request, answer);
  }

  /** @throws {RpcError} unavailable, deadline_exceeded; internal: it is no list */
  async *list(before: Date): AsyncGenerator<readonly string[]> {
    const { prefix } = this.#access;
    for (let token: string | undefined, isLast = false; !isLast; ) {
      const request: Request = {
        action: "list pictures",
        method: "GET",
        url: () => this.#listingUrl(token),
        maxBytes: MAX_LISTING_BYTES,
      };
      const answer = await this.#ask(request);
      if (!answer.isOk) throw refused(request, answer);
      const listing = readListing(new TextDecoder().decode(answer.bytes));
      yield listing.objects
        .filter(({ key, modifiedAt }) => key.startsWith(prefix) && modifiedAt < before)
        .map(({ key }) => key.slice(prefix.length))
        .filter(isGeneratedName);
      isLast = listing.nextToken === undefined || listing.nextToken === token;
      token = listing.nextToken;
    }
  }

  /**
   * Ask for a picture that there cannot be, as S3 says only then what is wrong with the access.
   * @returns the code of its refusal, as in "NoSuchBucket"; undefined where it would serve
   * @throws {RpcError} unavailable, deadline_exceeded: it does not say
   */
  async refusal(): Promise<string | undefined> {
    const request = this.#object("ask S3", "GET", newPictureName());
    const answer = await this.#ask(request);
    if (isMissing(answer)) return undefined;
    if (isTransient(answer)) throw refused(request, answer);
    return answer.code || `${answer.status}`;
  }

  #object(action: string, method: Request["method"], name: string): Request {
    const key = this.#access.prefix + name;
    const url = () => this.#s3.presign(key, { method, expiresIn: SIGNED_FOR_SECONDS });
    return { action, method, url, maxBytes: MAX_PICTURE_BYTES };
  }

  #listingUrl(token: string | undefined): string {
    // Bun reads it of the environment, where there is one, and signs it along.
    const session = new URL(this.#s3.presign("x")).searchParams.get("X-Amz-Security-Token");
    const query = {
      "list-type": "2",
      delimiter: "/", // Nothing of other folders in it.
      prefix: this.#access.prefix,
      ...(token !== undefined && { "continuation-token": token }),
      ...(session !== null && { "X-Amz-Security-Token": session }),
    };
    return listingUrl(this.#access, query, SIGNED_FOR_SECONDS);
  }

  /** Again after what may pass, since all that is asked may be done twice. */
  async #ask(request: Request, timeoutMs = this.#deadlineMs): Promise<Answer> {
    const { action } = request;
    const deadline = AbortSignal.timeout(Math.max(0, timeoutMs));
    for (let tries = 1; ; tries++) {
      const isLast = tries === MAX_TRIES;
      try {
        const answer = await send(request, deadline);
        if (isLast || !isTransient(answer)) return answer;
      } catch (error) {
        if (error instanceof RpcError) throw error;
        if (deadline.aborted) {
          const message = `Cannot ${action}: S3 did not answer within ${Math.round(timeoutMs)} ms`;
          throw new RpcError("deadline_exceeded", message);
        }
        if (isLast) throw unreachable(action, error);
      }
      await Bun.sleep(MIN_BACKOFF_MS * 2 ** (tries - 1) * (0.5 + Math.random()));
    }
  }
}

async function send(
  { action, method, url, body, maxBytes }: Request,
  signal: AbortSignal,
): Promise<Answer> {
  const response = await fetch(url(), {
    method,
    signal,
    redirect: "manual", // S3 sends to another region so, which our signature is not for.
    ...(body && { body, headers: { "Content-Type": PICTURE_TYPE } }),
  });
  const { ok: isOk, status } = response;
  const bytes = await readAnswer(response, action, maxBytes);
  const code = isOk ? "" : (ERROR_CODE.exec(new TextDecoder().decode(bytes))?.[1] ?? "");
  return { isOk, status, code, bytes };
}

/** By what comes, not by what is announced: it may be packed, or without an end. */
async function readAnswer(
  { body }: Response,
  action: string,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const sink = new Bun.ArrayBufferSink();
  sink.start({ asUint8Array: true });
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.byteLength;
    // Leaving the loop cancels the rest.
    if (size > maxBytes) {
      throw new RpcError("internal", `Cannot ${action}: S3 answered with over ${maxBytes} bytes`);
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

function refused({ action }: Request, { status, code }: Answer): RpcError {
  return new RpcError("unavailable", `Cannot ${action}: S3 answered ${status} ${code}`);
}

/** The server is not the S3 that is meant, or TLS failed: trying again would not help. */
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
