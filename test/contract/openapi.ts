// Holds requests and answers to public/openapi.json.
import { expect } from "bun:test";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { ROOT } from "../child.ts";

const ID = "openapi.json";

type Node = Readonly<Record<string, unknown>>;

/** What was asked and answered. */
export interface Exchanged {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

export const openApi: Node = await Bun.file(join(ROOT, "public/openapi.json")).json();
const ajv = new Ajv2020({ strict: false, allErrors: true });
ajv.addSchema(openApi, ID);
const compiled = new Map<string, ValidateFunction>();

/** Fail where the document does not allow such an answer to such a request. */
export function expectDocumented({ method, path, status, headers, body }: Exchanged): void {
  const shown = `${status} of ${method} ${path}`;
  const route = routeOf(path);
  if (!route) return expect([404, 405], shown).toContain(status);
  const operation = `${route}/${method.toLowerCase()}`;
  if (!at(operation)) return expect(status, shown).toBe(405);
  const response = resolve(`${operation}/responses/${status}`);
  const documented = at(response);
  if (!documented) throw new Error(`${shown} is not in ${ID}`);
  const [type = ""] = (headers.get("content-type") ?? "").split(";");
  const errors = errorsOf(`${response}/content/${escaped(type)}/schema`, body);
  expect(errors, `${shown} is not as ${ID} says`).toEqual([]);
  const { "Retry-After": _, ...promised } = Object(documented.headers);
  for (const name of Object.keys(promised)) expect(headers.get(name), shown).toBeTruthy();
}

/** Whether the document takes these fields for a JSON body, after NFC normalisation. */
export function isDocumentedBody(method: string, path: string, fields: Node): boolean {
  const operation = `${routeOf(path)}/${method.toLowerCase()}`;
  const normalised = Object.entries(fields).map(([name, value]) => [
    name,
    isShort(value) ? value.normalize("NFC") : value,
  ]);
  const pointer = `${operation}/requestBody/content/${escaped("application/json")}/schema`;
  return errorsOf(pointer, Object.fromEntries(normalised)).length === 0;
}

/** Normalising takes the square of the length for some texts: none that long is taken anyway. */
function isShort(value: unknown): value is string {
  return typeof value === "string" && value.length < 1000;
}

/** Whether the document has a JSON body there. */
export function takesJson(method: string, path: string): boolean {
  const operation = `${routeOf(path)}/${method.toLowerCase()}`;
  return at(`${operation}/requestBody/content/${escaped("application/json")}`) !== undefined;
}

function errorsOf(pointer: string, value: unknown): unknown[] {
  let validate = compiled.get(pointer);
  if (!validate) {
    validate = ajv.compile({ $ref: `${ID}#${pointer}` });
    compiled.set(pointer, validate);
  }
  return validate(value) ? [] : (validate.errors ?? []);
}

/** JSON Pointer to the path that a URL's path is of. */
function routeOf(path: string): string | undefined {
  const given = (path.split(/[?#]/)[0] ?? "").split("/");
  const route = Object.keys(Object(openApi.paths)).find((template) => {
    const wanted = template.split("/");
    const fits = (part: string, index: number) => part === given[index] || part.startsWith("{");
    return wanted.length === given.length && wanted.every(fits);
  });
  return route && `/paths/${escaped(route)}`;
}

/** Where a node is that may be a reference. */
function resolve(pointer: string): string {
  const reference = at(pointer)?.$ref;
  return typeof reference === "string" ? reference.slice(1) : pointer;
}

function at(pointer: string): Node | undefined {
  const keys = pointer.split("/").slice(1);
  const unescaped = keys.map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  return unescaped.reduce<Node | undefined>((node, key) => {
    const next = node?.[key];
    return typeof next === "object" && next !== null ? Object(next) : undefined;
  }, openApi);
}

function escaped(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
