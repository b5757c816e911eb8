import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SESSION_COOKIE } from "../../schema/http-api.ts";
import { NICKNAME_LENGTH, PASSWORD_LENGTH, USERNAME_LENGTH } from "../../schema/lengths.ts";
import { MAX_UPLOAD_BYTES, PICTURE_LIMITS } from "../../schema/picture.ts";
import { DomainError } from "../rpc/error.ts";
import type { Exchange, Handler, HttpParts } from "./exchange.ts";
import { Answer } from "./reply.ts";
import { FILE_SECURITY, PAGE_SECURITY, REDIRECT_SECURITY } from "./security-headers.ts";
import { withFirstSession } from "./session-cookie.ts";

type PageRoutes = Record<string, { readonly GET: Handler }>;

/** The texts that replace `{{name}}` in pages and their scripts. */
const LIMITS: Readonly<Record<string, string>> = {
  usernameLength: lengthWords(USERNAME_LENGTH),
  passwordLength: lengthWords(PASSWORD_LENGTH),
  nicknameLength: lengthWords(NICKNAME_LENGTH),
  pictureLimits: PICTURE_LIMITS,
  maxUploadBytes: `${MAX_UPLOAD_BYTES}`,
};

const OPENAPI = "openapi.json";
/** The files of the public folder that DOCS=off removes. */
const DOCS = [OPENAPI, "docs.html", "docs.js"];
/** The viewer of `/openapi.json`. */
const VIEWER_FILES = ["swagger-ui.css", "swagger-ui-bundle.js"];

/**
 * Routes "/", the files that are in the public folder now, and "/docs" with the files that it
 * loads.
 */
export function pageRoutes(
  parts: Pick<HttpParts, "clients" | "cookie" | "publicFolder" | "viewerFolder" | "hasDocs">,
): PageRoutes {
  const { publicFolder, viewerFolder, hasDocs, cookie } = parts;
  const routes: PageRoutes = { "/": { GET: homeHandler(parts) } };
  for (const file of readdirSync(publicFolder, { withFileTypes: true })) {
    if (!file.isFile() || (DOCS.includes(file.name) && !hasDocs)) continue;
    routes[`/${file.name}`] = { GET: page(join(publicFolder, file.name)) };
  }
  if (!hasDocs) return routes;
  routes[`/${OPENAPI}`] = { GET: description(join(publicFolder, OPENAPI), cookie.name) };
  routes["/docs"] = { GET: page(join(publicFolder, "docs.html")) };
  for (const name of VIEWER_FILES) {
    const path = join(viewerFolder, name);
    routes[`/docs/${name}`] = { GET: serve(readFileSync(path), path, "public, max-age=86400") };
  }
  return routes;
}

/** Redirect a browser to the profile if it is signed in, and to the sign-in if not. */
function homeHandler({ clients, cookie }: Pick<HttpParts, "clients" | "cookie">): Handler {
  return async (exchange) => {
    const page = (await isSignedIn(exchange)) ? "/userInfo.html" : "/signIn.html";
    return new Answer(null, {
      status: 302,
      headers: { Location: page, "Cache-Control": "no-store", ...REDIRECT_SECURITY },
    });
  };

  async function isSignedIn({ request, requestId, observer }: Exchange): Promise<boolean> {
    try {
      await withFirstSession(cookie.read(request), (sessionId) =>
        clients.user.getUserInfo({ sessionId }, { requestId, observer }),
      );
      return true;
    } catch (error) {
      // If the session cannot be checked, the profile's page shows what is wrong, and leads to the
      // sign-in if necessary.
      return !(error instanceof DomainError && error.code !== "DataBaseError");
    }
  }
}

/** The description of the API, with the name that the cookie has here. */
function description(path: string, cookieName: string): Handler {
  const text = readFileSync(path, "utf8");
  return serve(Buffer.from(text.replace(`"${SESSION_COOKIE}"`, `"${cookieName}"`)), path);
}

function page(path: string): Handler {
  const bytes = readFileSync(path);
  const isText = /\.(html|js)$/.test(path);
  return serve(isText ? Buffer.from(fillLimits(bytes.toString())) : bytes, path);
}

/**
 * Replace each `{{name}}` with the limit of that name.
 * @throws {Error} no limit has the name
 */
export function fillLimits(text: string): string {
  return text.replace(/\{\{(\w*)\}\}/g, (placeholder, name: string) => {
    const limit = LIMITS[name];
    if (limit === undefined) throw new Error(`Cannot fill ${placeholder}: no limit has this name`);
    return limit;
  });
}

/**
 * Serve bytes from memory, always whole. If Bun served the file, it would answer ranges, with
 * statuses that the API does not have, and read the file again for each pipelined request.
 */
function serve(bytes: Uint8Array<ArrayBuffer>, path: string, cacheControl = "no-cache"): Handler {
  const headers = new Headers({
    "Content-Type": typeOf(path),
    "Cache-Control": cacheControl,
    ...(path.endsWith(".html") ? PAGE_SECURITY : FILE_SECURITY),
  });
  return () => Promise.resolve(new Answer(bytes, { headers }));
}

/** The media type of a file, with the character set of a text. */
function typeOf(path: string): string {
  const { type } = Bun.file(path);
  return type.endsWith("+xml") ? `${type};charset=utf-8` : type;
}

function lengthWords({ min, max }: { readonly min: number; readonly max: number }): string {
  return `${min} to ${max}`;
}
