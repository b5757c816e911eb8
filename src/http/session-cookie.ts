import { SESSION_COOKIE } from "../../schema/http-api.ts";
import { DomainError } from "../rpc/error.ts";

/** Of one request: more than a browser would ever have, and few enough to look up. */
const MAX_SESSIONS = 8;
/** What this service hands out: UUIDs version 3. Anything else names no session. */
const SESSION_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-3[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

const SESSION_ID_LENGTH = 36;
/** The name and `=`: what stands before the id, and the start of a header with no other cookie. */
const PREFIX = `${SESSION_COOKIE}=`;

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
    return `${PREFIX}${sessionId}; Path=/; Max-Age=${this.#maxAgeSeconds}; ${this.#attributes}`;
  }

  /** The value of Set-Cookie that takes the cookie away. */
  clear(): string {
    return `${PREFIX}; Path=/; Max-Age=0; ${this.#attributes}`;
  }

  /**
   * The session id that a request carries; if there are several that could be one, all of them,
   * first to last. Another site of the domain may have set one, or a path of its own.
   * @throws {DomainError} InvalidSessionError: none
   */
  read(request: Request): string | readonly string[] {
    const header = request.headers.get("Cookie") ?? "";
    if (header.length === PREFIX.length + SESSION_ID_LENGTH && header.startsWith(PREFIX)) {
      const sessionId = header.slice(PREFIX.length);
      if (SESSION_ID.test(sessionId)) return sessionId;
    }
    let first: string | undefined;
    let all: string[] | undefined;
    for (
      let at = header.indexOf(SESSION_COOKIE);
      at >= 0;
      at = header.indexOf(SESSION_COOKIE, at + SESSION_COOKIE.length)
    ) {
      const sessionId = sessionIdAt(header, at);
      if (sessionId === undefined || sessionId === first) continue;
      if (first === undefined) first = sessionId;
      else if (all === undefined) all = [first, sessionId];
      else if (all.length < MAX_SESSIONS && !all.includes(sessionId)) all.push(sessionId);
    }
    if (first === undefined) throw new DomainError("InvalidSessionError");
    return all ?? first;
  }
}

/**
 * Call with each session id until one is of a session.
 * @throws {DomainError} InvalidSessionError: none is
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

/** The id in the value of the cookie whose name is at `at`; undefined if neither is there. */
function sessionIdAt(header: string, at: number): string | undefined {
  let before = at - 1;
  while (isBlank(header, before)) before--;
  if (before >= 0 && header[before] !== ";") return undefined;
  let start = skipBlanks(header, at + SESSION_COOKIE.length);
  if (header[start] !== "=") return undefined;
  start = skipBlanks(header, start + 1);
  const isQuoted = header[start] === '"';
  if (isQuoted) start++;
  let end = start + SESSION_ID_LENGTH;
  const sessionId = header.slice(start, end);
  if (!SESSION_ID.test(sessionId)) return undefined;
  if (isQuoted && header[end++] !== '"') return undefined;
  end = skipBlanks(header, end);
  return end >= header.length || header[end] === ";" ? sessionId : undefined;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (isBlank(text, at)) at++;
  return at;
}

function isBlank(text: string, at: number): boolean {
  return text[at] === " " || text[at] === "\t";
}
