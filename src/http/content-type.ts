import { MIMEType } from "node:util";
import { Refusal } from "./reply.ts";

/** The names of UTF-8 and of its subset ASCII. */
const UTF8_NAMES: ReadonlySet<string> = new Set(["utf-8", "utf8", "us-ascii"]);

/** The media type that a request declares; undefined if there is none, or it is malformed. */
export function contentTypeOf({ headers }: Request): MIMEType | undefined {
  try {
    return new MIMEType(headers.get("Content-Type") ?? "");
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** `type/subtype` in lower case; "" if there is none, or its charset is not UTF-8. */
export function textTypeOf(request: Request): string {
  const type = contentTypeOf(request);
  const charset = type?.params.get("charset");
  if (charset && !UTF8_NAMES.has(charset.toLowerCase())) return "";
  return type?.essence ?? "";
}

/**
 * Refuse a compressed body: a few bytes could become very many.
 * @throws {Refusal} 415
 */
export function refuseEncoded({ headers }: Request): void {
  const encoding = headers.get("Content-Encoding");
  if (!encoding || encoding.toLowerCase() === "identity") return;
  throw new Refusal(415, "Content-Encoding: identity");
}
