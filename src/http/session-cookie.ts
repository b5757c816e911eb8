import { DomainError } from "../rpc/error.ts";

const NAME = "sessionID";
/** What this service hands out: UUIDs version 3. Anything else names no session. */
const SESSION_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-3[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The cookie that carries a session id between a browser and the HTTP tier. */
export class SessionCookie {
  readonly #attributes: string;
  readonly #maxAgeSeconds: number;

  constructor(publicUrl: URL, sessionTtlSeconds: number) {
    const secure = publicUrl.protocol === "https:" ? "; Secure" : "";
    this.#attributes = `HttpOnly; SameSite=Lax${secure}`;
    this.#maxAgeSeconds = sessionTtlSeconds;
  }

  /** The value of Set-Cookie that begins a session. */
  set(sessionId: string): string {
    return `${NAME}=${sessionId}; Path=/; Max-Age=${this.#maxAgeSeconds}; ${this.#attributes}`;
  }

  /** The value of Set-Cookie that takes the cookie away. */
  clear(): string {
    return `${NAME}=; Path=/; Max-Age=0; ${this.#attributes}`;
  }

  /**
   * The session id that a request carries.
   * @throws {DomainError} InvalidSessionError: none, or one that cannot be a session's
   */
  read(request: Request): string {
    const sessionId = cookieValue(request.headers.get("Cookie") ?? "");
    if (sessionId !== undefined && SESSION_ID.test(sessionId)) return sessionId;
    throw new DomainError("InvalidSessionError");
  }
}

function cookieValue(header: string): string | undefined {
  for (const pair of header.split(";")) {
    const equals = pair.indexOf("=");
    if (equals > 0 && pair.slice(0, equals).trim() === NAME) return pair.slice(equals + 1).trim();
  }
  return undefined;
}
