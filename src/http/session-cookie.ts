import { MAX_SESSION_IDS } from "../../schema/account.ts";
import { SESSION_COOKIE } from "../../schema/http-api.ts";
import { DomainError } from "../rpc/error.ts";

/** A UUID version 3. No session has another id. */
const UUID_V3 = "[0-9a-f]{8}-[0-9a-f]{4}-3[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";
const UUID_LENGTH = 36;
const SESSION_ID = new RegExp(`^${UUID_V3}$`);
/** Browsers take such a cookie only from the host itself, by https (RFC 6265bis §4.1.3). */
const HOST_PREFIX = "__Host-";

/** The cookie that carries a session id between a browser and the HTTP tier. */
export class SessionCookie {
  readonly name: string;
  /** The start of a header that holds no other cookie, as most do. */
  readonly #start: string;
  /** A cookie in a header, its value quoted or not, with blanks around name and value. */
  readonly #cookies: RegExp;
  readonly #attributes: string;
  readonly #maxAgeSeconds: number;

  /**
   * @param hasHostPrefix Use the name with the prefix, and read no other: any host of the domain
   *   can set a cookie without the prefix. If false, read both names: hosts that already use the
   *   prefix may have set the cookie.
   */
  constructor(publicUrl: URL, sessionTtlSeconds: number, hasHostPrefix = false) {
    this.name = hasHostPrefix ? HOST_PREFIX + SESSION_COOKIE : SESSION_COOKIE;
    this.#start = `${this.name}=`;
    const name = hasHostPrefix ? this.name : `(?:${HOST_PREFIX})?${SESSION_COOKIE}`;
    this.#cookies = new RegExp(
      `(?:^|;)[ \\t]*${name}[ \\t]*=[ \\t]*("?)(${UUID_V3})\\1[ \\t]*(?=;|$)`,
      "g",
    );
    const secure = publicUrl.protocol === "https:" ? "; Secure" : "";
    this.#attributes = `HttpOnly; SameSite=Lax${secure}`;
    this.#maxAgeSeconds = sessionTtlSeconds;
  }

  /** The value of Set-Cookie that begins a session. */
  set(sessionId: string): string {
    const lifetime = `Max-Age=${this.#maxAgeSeconds}`;
    return `${this.#start}${sessionId}; Path=/; ${lifetime}; ${this.#attributes}`;
  }

  /** The value of Set-Cookie that deletes the cookie. */
  clear(): string {
    return `${this.#start}; Path=/; Max-Age=0; ${this.#attributes}`;
  }

  /**
   * The session id of a request. If several cookies hold a well-formed id, this returns all ids,
   * first to last: another site of the domain, or another path, may have set one.
   * @throws {DomainError} InvalidSessionError: no cookie holds one
   */
  read(request: Request): string | readonly string[] {
    const header = request.headers.get("Cookie") ?? "";
    const start = this.#start;
    if (header.length === start.length + UUID_LENGTH && header.startsWith(start)) {
      const sessionId = header.slice(start.length);
      if (SESSION_ID.test(sessionId)) return sessionId;
    }
    const sessionIds = this.#idsIn(header);
    const [first] = sessionIds;
    if (first === undefined) throw new DomainError("InvalidSessionError");
    return sessionIds.length > 1 ? sessionIds : first;
  }

  /** All well-formed session ids of a request, first to last; undefined if it has none. */
  readAll(request: Request): string[] | undefined {
    const header = request.headers.get("Cookie");
    // Most sign-ins send no cookie.
    if (header === null) return undefined;
    const sessionIds = this.#idsIn(header);
    return sessionIds.length > 0 ? sessionIds : undefined;
  }

  #idsIn(header: string): string[] {
    const sessionIds: string[] = [];
    for (const [, , sessionId = ""] of header.matchAll(this.#cookies)) {
      if (sessionIds.length < MAX_SESSION_IDS && !sessionIds.includes(sessionId)) {
        sessionIds.push(sessionId);
      }
    }
    return sessionIds;
  }
}

/**
 * Call with each session id until a call finds a session.
 * @throws {DomainError} InvalidSessionError: no call has found one
 */
export async function withFirstSession<T>(
  sessionIds: string | readonly string[],
  call: (sessionId: string) => Promise<T>,
): Promise<T> {
  let problem: unknown;
  for (const sessionId of typeof sessionIds === "string" ? [sessionIds] : sessionIds) {
    try {
      return await call(sessionId);
    } catch (error) {
      if (!(error instanceof DomainError && error.code === "InvalidSessionError")) throw error;
      problem = error;
    }
  }
  throw problem;
}
