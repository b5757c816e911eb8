import { RpcError } from "../rpc/error.ts";
import { Refusal } from "./reply.ts";

/** A body's fields; nothing is known of their types yet. */
export type Fields = Readonly<Record<string, unknown>>;

const MAX_BODY_BYTES = 64 * 1024;
/** UTF-16 units: far more than 13 code points have in any form. */
const MAX_TEXT_UNITS = 256;

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Read a JSON or form body.
 * @throws {Refusal} 415 another type, 413 over 64 KiB, 400 not what its type says
 */
export function readFields(request: Request): Promise<Fields> {
  const parse = PARSERS.get(mediaType(request));
  if (!parse) return Promise.reject(new Refusal(415, "The body must be JSON or a form"));
  // No async function, here and below: it would make two objects more for every sign-in.
  return readBody(request, MAX_BODY_BYTES).then((bytes) => {
    try {
      return parse(UTF8.decode(bytes));
    } catch {
      // What the parser says quotes the body, and with it a password.
      throw new Refusal(400, "The body is not what its type says");
    }
  });
}

/**
 * Lengths count after NFC normalisation. What is no string, or longer than any valid text could be
 * before it, is left as it is for the check to refuse: normalising takes the square of the length
 * for some texts, which would be minutes for a large body.
 */
export function toNfc(value: unknown): unknown {
  const isShort = typeof value === "string" && value.length <= MAX_TEXT_UNITS;
  return isShort ? value.normalize("NFC") : value;
}

/** `type/subtype` in lower case, "" where there is none or its text is not UTF-8. */
export function mediaType(request: Request): string {
  const header = request.headers.get("Content-Type") ?? "";
  if (!header.includes(";")) return header.trim().toLowerCase();
  const [type = "", ...parameters] = header.split(";");
  const charset = parameters.map((text) => text.trim().toLowerCase().replaceAll('"', ""));
  const isUtf8 = charset.every((text) => !text.startsWith("charset=") || text === "charset=utf-8");
  return isUtf8 ? type.trim().toLowerCase() : "";
}

/**
 * Read a whole body, never holding more than the limit.
 * @throws {Refusal} 413 over the limit, announced or not; 400 cut short
 */
export function readBody(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const announced = request.headers.get("Content-Length");
  if (Number(announced ?? 0) > maxBytes) return Promise.reject(tooLarge(maxBytes));
  const body = announced === null ? readChunks(request, maxBytes) : request.bytes();
  return body.catch((error: unknown) => {
    throw error instanceof Refusal ? error : new Refusal(400, "The body was cut short");
  });
}

/** Into one buffer: kept one by one, chunks of a byte would take a hundred times their size. */
async function readChunks(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const sink = new Bun.ArrayBufferSink();
  sink.start({ asUint8Array: true });
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    sink.write(chunk);
  }
  return new Uint8Array(sink.end());
}

function tooLarge(maxBytes: number): Refusal {
  return new Refusal(413, `Body over ${maxBytes} bytes`);
}

/**
 * Nothing new is begun for a browser that has closed its connection.
 * @throws {RpcError} cancelled
 */
export function assertAwaited({ signal }: Request, step: string): void {
  if (!signal.aborted) return;
  throw new RpcError("cancelled", `Cannot begin ${step}: the browser is gone`, {
    processed: false,
  });
}

/**
 * A state-changing request that a browser sends on behalf of another site is refused; clients that
 * send neither header are no browsers.
 * @throws {Refusal} 403
 */
export function refuseCrossSite({ headers }: Request, publicUrl: URL): void {
  const site = headers.get("Sec-Fetch-Site");
  if (site !== null) {
    if (site === "same-origin" || site === "none") return;
    throw new Refusal(403, `Cross-site request: Sec-Fetch-Site is ${site}`);
  }
  const origin = headers.get("Origin");
  if (origin === null || origin === publicUrl.origin) return;
  const host = headers.get("Host")?.toLowerCase();
  if (host && URL.parse(origin)?.host === host) return;
  throw new Refusal(403, `Cross-site request: Origin is ${origin}`);
}

const PARSERS: ReadonlyMap<string, (text: string) => Fields> = new Map([
  ["application/json", parseJsonObject],
  ["application/x-www-form-urlencoded", parseForm],
]);

function parseJsonObject(text: string): Fields {
  const value: unknown = JSON.parse(text);
  if (isObject(value)) return value;
  throw new TypeError("The body must be a JSON object");
}

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Not by URLSearchParams, which turns bytes that are not UTF-8 into U+FFFD without a word. */
function parseForm(text: string): Fields {
  const fields: Record<string, unknown> = Object.create(null);
  for (const pair of text.split("&")) {
    const equals = pair.indexOf("=");
    const name = decodeFormText(equals < 0 ? pair : pair.slice(0, equals));
    // A field that is given twice is of the wrong type: a list.
    fields[name] = name in fields ? [] : decodeFormText(equals < 0 ? "" : pair.slice(equals + 1));
  }
  return fields;
}

function decodeFormText(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}
