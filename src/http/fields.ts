import { isObject } from "../rpc/json.ts";
import { textTypeOf } from "./content-type.ts";
import { Refusal } from "./reply.ts";

/** The fields of a body, whose types are not checked yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** @throws {Refusal} 400: the bytes are not what the Content-Type says */
export type FieldsParser = (bytes: Uint8Array) => Fields;

/** The limit in UTF-16 units. The longest valid text has far fewer, normalised or not. */
const MAX_TEXT_UNITS = 256;

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The parser for the body that a request declares.
 * @throws {Refusal} 415: neither JSON nor a form, or not in UTF-8
 */
export function parserFor(request: Request): FieldsParser {
  const type = request.headers.get("Content-Type") ?? "";
  const parser = PARSERS.get(type) ?? PARSERS.get(textTypeOf(request));
  if (parser) return parser;
  throw new Refusal(415, `Content-Type: ${[...PARSERS.keys()].join(" or ")}, in UTF-8`);
}

/**
 * Normalise a text, since lengths count after NFC normalisation. Other types and texts that are too
 * long stay as they are, and the check refuses them: normalising can take time quadratic in the
 * length, which is minutes for a large body.
 */
export function toNfc(value: unknown): unknown {
  const isShort = typeof value === "string" && value.length <= MAX_TEXT_UNITS;
  return isShort ? value.normalize("NFC") : value;
}

const PARSERS: ReadonlyMap<string, FieldsParser> = new Map([
  ["application/json", (bytes: Uint8Array) => read(bytes, "a JSON object", parseJsonObject)],
  ["application/x-www-form-urlencoded", (bytes: Uint8Array) => read(bytes, "a form", parseForm)],
]);

function read(bytes: Uint8Array, expected: string, parse: (text: string) => Fields): Fields {
  try {
    return parse(UTF8.decode(bytes));
  } catch {
    // The message of the parser quotes the body, which may hold a password.
    throw new Refusal(400, `body: ${expected} in UTF-8`);
  }
}

function parseJsonObject(text: string): Fields {
  const value: unknown = JSON.parse(text);
  if (isObject(value)) return value;
  throw new TypeError("The body must be a JSON object");
}

/** URLSearchParams would replace invalid UTF-8 by U+FFFD without an error. */
function parseForm(text: string): Fields {
  const fields: Record<string, unknown> = Object.create(null);
  for (const pair of text.split("&")) {
    const equals = pair.indexOf("=");
    const name = decodeFormText(equals < 0 ? pair : pair.slice(0, equals));
    // A field that is given twice becomes a list, which no field takes.
    fields[name] = name in fields ? [] : decodeFormText(equals < 0 ? "" : pair.slice(equals + 1));
  }
  return fields;
}

function decodeFormText(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}
