import { RpcError } from "../../rpc/error.ts";
import { type ListingAccess, listingUrl, readListing } from "./listing.ts";
import {
  type AvatarStore,
  isGeneratedName,
  isPictureName,
  MAX_PICTURE_BYTES,
  newPictureName,
  PICTURE_TYPE,
} from "./store.ts";

/** A folder of a bucket, and the access key for it. */
export interface BucketAccess extends ListingAccess {
  /** Precedes each name: "" or `some/folder/`. */
  readonly prefix: string;
}

interface Request {
  /** The action for error messages, such as "save picture". */
  readonly action: string;
  readonly method: "PUT" | "GET" | "DELETE";
  /** The signed URL. */
  url(): string;
  readonly body?: Uint8Array<ArrayBuffer>;
  readonly maxBytes: number;
}

/** A whole answer of S3. */
interface Answer {
  readonly isOk: boolean;
  readonly status: number;
  /** The error code in the XML of S3, as in "NoSuchKey"; "" if there is none. */
  readonly code: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The same as for a call of the RPC. It includes all attempts and the whole body. */
const DEADLINE_MS = 5000;
const MAX_ATTEMPTS = 3;
const MIN_BACKOFF_MS = 100;
/** Long enough even if the clock of S3 differs from ours. */
const SIGNED_FOR_SECONDS = 300;
/** A listing has up to 1,000 objects of about 300 bytes each, more if the names are long. */
const MAX_LISTING_BYTES = 2 * 1024 * 1024;
const ERROR_CODE = /<Code>(\w+)<\/Code>/;

/**
 * Pictures in a bucket of S3, or of an S3-compatible store.
 *
 * Bun's S3 client only signs URLs, and `fetch` sends the requests: the client would wait six
 * minutes for an S3 that does not answer, cannot be cancelled, and does not retry after a 503. A
 * picture is saved by one PUT, which S3 keeps whole or not at all. A signed URL gives access to its
 * picture for a while, and errors of `fetch` hold the URL, so neither is logged or passed on.
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

  /**
   * @throws {RpcError} unavailable, deadline_exceeded: the picture may still be saved, or be saved
   * later
   */
  async save(
    name: string,
    picture: Uint8Array<ArrayBuffer>,
    timeoutMs = this.#deadlineMs,
  ): Promise<void> {
    const request = { ...this.#object("save picture", "PUT", name), body: picture };
    const answer = await this.#send(request, Math.min(timeoutMs, this.#deadlineMs));
    if (!answer.isOk) throw refused(request, answer);
  }

  /** @throws {RpcError} unavailable, deadline_exceeded */
  async remove(name: string): Promise<void> {
    const request = this.#object("remove picture", "DELETE", name);
    const answer = await this.#send(request);
    if (!answer.isOk) throw refused(request, answer);
  }

  /**
   * The whole picture, not a stream: if S3 breaks off, that is an error and not half a picture, and
   * a browser that reads slowly does not occupy one of the few connections to S3.
   * @throws {RpcError} unavailable, deadline_exceeded
   */
  async find(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (!isPictureName(name)) return undefined;
    const request = this.#object("read picture", "GET", name);
    const answer = await this.#send(request);
    if (answer.isOk) return answer.bytes;
    if (isMissing(answer)) return undefined;
    throw refused(request, answer);
  }

  /** @throws {RpcError} unavailable, deadline_exceeded; internal: the answer is not a listing */
  async *list(before: Date): AsyncGenerator<readonly string[]> {
    const { prefix } = this.#access;
    for (let token: string | undefined, isLast = false; !isLast; ) {
      const request: Request = {
        action: "list pictures",
        method: "GET",
        url: () => this.#listingUrl(token),
        maxBytes: MAX_LISTING_BYTES,
      };
      const answer = await this.#send(request);
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
   * Check the access by reading a picture that does not exist: only then S3 says what is wrong.
   * @returns the error code of S3, as in "NoSuchBucket"; undefined if S3 grants access
   * @throws {RpcError} unavailable, deadline_exceeded: S3 did not answer
   */
  async checkAccess(): Promise<string | undefined> {
    const request = this.#object("ask S3", "GET", newPictureName());
    const answer = await this.#send(request);
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
    // Bun reads a session token from the environment, if there is one, and signs it too.
    const session = new URL(this.#s3.presign("x")).searchParams.get("X-Amz-Security-Token");
    const query = {
      "list-type": "2",
      delimiter: "/", // Leaves subfolders out.
      prefix: this.#access.prefix,
      ...(token !== undefined && { "continuation-token": token }),
      ...(session !== null && { "X-Amz-Security-Token": session }),
    };
    return listingUrl(this.#access, query, SIGNED_FOR_SECONDS);
  }

  /** Send a request, and retry after transient errors: every request is safe to repeat. */
  async #send(request: Request, timeoutMs = this.#deadlineMs): Promise<Answer> {
    const { action } = request;
    const deadline = AbortSignal.timeout(Math.max(0, timeoutMs));
    for (let attempt = 1; ; attempt++) {
      const isLast = attempt === MAX_ATTEMPTS;
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
      await Bun.sleep(MIN_BACKOFF_MS * 2 ** (attempt - 1) * (0.5 + Math.random()));
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
    redirect: "manual", // S3 redirects to another region, for which our signature is not valid.
    ...(body && { body, headers: { "Content-Type": PICTURE_TYPE } }),
  });
  const { ok: isOk, status } = response;
  const bytes = await readAnswer(response, action, maxBytes);
  const code = isOk ? "" : (ERROR_CODE.exec(new TextDecoder().decode(bytes))?.[1] ?? "");
  return { isOk, status, code, bytes };
}

/** Count the bytes that arrive: the body may be compressed, or have no end. */
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
    // Leaving the loop cancels the body.
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

/** S3 is overloaded, as 503 SlowDown says, or fails for a moment. */
function isTransient({ status }: Answer): boolean {
  return status >= 500 || status === 429 || status === 408;
}

function refused({ action }: Request, { status, code }: Answer): RpcError {
  return new RpcError("unavailable", `Cannot ${action}: S3 answered ${status} ${code}`);
}

/** S3 has a certificate that we do not trust. A retry would not help. */
export class CertificateError extends RpcError {
  constructor(action: string, code: string) {
    const hint = "set NODE_EXTRA_CA_CERTS for your own CA";
    super(
      "unavailable",
      `Cannot ${action}: the certificate of S3 is not trusted: ${code} (${hint})`,
    );
  }
}

/** The error of `fetch` must not become the cause, since it holds the signed URL. */
function unreachable(action: string, error: unknown): RpcError {
  const code = error instanceof Error && "code" in error ? error.code : error;
  if (/^(ERR_TLS_CERT_|CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/.test(`${code}`)) {
    return new CertificateError(action, `${code}`);
  }
  return new RpcError("unavailable", `Cannot ${action}: S3 cannot be reached: ${code}`);
}
