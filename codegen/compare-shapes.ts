import { LOCK_PATH, type Lock, type Shape } from "./lock.ts";
import { SchemaError } from "./model.ts";
import type { RuleName } from "./rules.ts";

/** The role of a message decides whether the new shape must include the old one or fit into it. */
export type Role = "request" | "reply";

/** A change that breaks an existing client. */
export interface Difference {
  readonly rule: RuleName;
  /** `reply field methods[].name was made optional` */
  readonly what: string;
}

/** The keywords that describe the structure of a value. All others only limit the value. */
const STRUCTURE: ReadonlySet<string> = new Set<keyof Shape>([
  "$ref",
  "type",
  "const",
  "anyOf",
  "items",
  "properties",
  "patternProperties",
  "required",
]);
const LOWER_BOUNDS = /^(exclusiveM|m)inimum$|^min(Length|Items|Properties)$/;
const UPPER_BOUNDS = /^(exclusiveM|m)aximum$|^max(Length|Items|Properties)$/;

/**
 * Finds the changes of a message that break old clients. The server must accept every request that
 * was valid before (old ⊆ new), and an old client must accept every reply that the server may send
 * now (new ⊆ old).
 */
export class ShapeComparison {
  readonly #role: Role;
  readonly #before: Lock["messages"];
  readonly #after: Lock["messages"];

  constructor(role: Role, before: Lock["messages"], after: Lock["messages"]) {
    this.#role = role;
    this.#before = before;
    this.#after = after;
  }

  /** @param path the field, as in `methods[].name`; empty for the message itself */
  differences(was: Shape, is: Shape, path = ""): Difference[] {
    const before = resolve(was, this.#before);
    const after = resolve(is, this.#after);
    if (before.anyOf || after.anyOf) return this.#unions(before, after, path);
    const [narrow, wide] = this.#role === "request" ? [before, after] : [after, before];
    if (!isOfType(narrow, wide)) {
      return [this.#say("type-changed", path, `went from ${label(was)} to ${label(is)}`)];
    }
    return [
      ...this.#bounds(narrow, wide, path),
      ...this.#fields(before, after, path),
      ...this.#values(before, after, path),
    ];
  }

  #fields(before: Shape, after: Shape, path: string): Difference[] {
    if (!before.properties || !after.properties) return [];
    const olds = new Map(Object.entries(before.properties));
    const news = new Map(Object.entries(after.properties));
    const isReply = this.#role === "reply";
    const found: Difference[] = [];
    for (const [name, old] of olds) {
      const at = path ? `${path}.${name}` : name;
      const now = news.get(name);
      if (!now) {
        found.push(this.#say(`${this.#role}-field-removed`, at, "was removed"));
        continue;
      }
      const [was, is] = [isRequired(before, name), isRequired(after, name)];
      if (isReply && was && !is) {
        found.push(this.#say("reply-field-optional", at, "was made optional"));
      } else if (!isReply && is && !was) {
        found.push(this.#say("request-field-required", at, "was made required"));
      }
      found.push(...this.differences(old, now, at));
    }
    for (const name of news.keys()) {
      if (olds.has(name)) continue;
      const at = path ? `${path}.${name}` : name;
      if (!isReply && isRequired(after, name)) {
        found.push(this.#say("request-field-required", at, "is new and required"));
      } else if (isReply && before.additionalProperties === false) {
        found.push(this.#say("reply-loosened", at, "is new where none were allowed"));
      }
    }
    return found;
  }

  /** Compare the values of arrays and records. */
  #values(before: Shape, after: Shape, path: string): Difference[] {
    const found: Difference[] = [];
    if (before.items && after.items) {
      found.push(...this.differences(before.items, after.items, `${path}[]`));
    }
    const news = new Map(Object.entries(after.patternProperties ?? {}));
    for (const [keys, old] of Object.entries(before.patternProperties ?? {})) {
      const now = news.get(keys);
      if (now) found.push(...this.differences(old, now, `${path}[]`));
      else found.push(this.#say("type-changed", path, `has other keys than ${keys}`));
    }
    return found;
  }

  #unions(before: Shape, after: Shape, path: string): Difference[] {
    const [olds, news] = [members(before), members(after)];
    const isSafe = (old: Shape, now: Shape) => this.differences(old, now, path).length === 0;
    const lost = olds.filter((old) => !news.some((now) => isSafe(old, now)));
    const gained = new Set(news.filter((now) => !olds.some((old) => isSafe(old, now))));
    const found: Difference[] = [];
    for (const old of lost) {
      // Compare a member that only changed with its new shape: that says more.
      const changed = [...gained].find((now) => label(now) === label(old));
      if (changed) {
        gained.delete(changed);
        found.push(...this.differences(old, changed, path));
      } else {
        found.push(this.#say(`${this.#role}-union-narrowed`, path, `lost ${label(old)}`));
      }
    }
    if (this.#role === "request") return found;
    for (const now of gained) {
      found.push(this.#say("reply-union-widened", path, `got ${label(now)}`));
    }
    return found;
  }

  #bounds(narrow: Shape, wide: Shape, path: string): Difference[] {
    const limits = bounds(narrow);
    return [...bounds(wide)].flatMap(([keyword, limit]) => {
      const own = limits.get(keyword);
      if (isWithin(keyword, own, limit)) return [];
      const [was, is] = this.#role === "request" ? [own, limit] : [limit, own];
      const rule = this.#role === "request" ? "request-tightened" : "reply-loosened";
      return [this.#say(rule, path, `had ${keyword} ${text(was)} and has ${text(is)}`)];
    });
  }

  #say(rule: RuleName, path: string, what: string): Difference {
    const subject = path ? `${this.#role} field ${path}` : `the ${this.#role}`;
    return { rule, what: `${subject} ${what}` };
  }
}

function resolve(shape: Shape, messages: Lock["messages"]): Shape {
  if (shape.$ref === undefined) return shape;
  const message = messages[shape.$ref];
  if (!message) throw new SchemaError(`Cannot read ${LOCK_PATH}: it lacks ${shape.$ref}`);
  return message;
}

function isRequired({ required = [] }: Shape, field: string): boolean {
  return required.includes(field);
}

function members(shape: Shape): Shape[] {
  return shape.anyOf ? shape.anyOf.flatMap(members) : [shape];
}

/** Whether all values of `narrow` are values of `wide`, without regard to bounds. */
function isOfType(narrow: Shape, wide: Shape): boolean {
  if ("const" in wide) return "const" in narrow && narrow.const === wide.const;
  if (wide.type === undefined) return true;
  if (narrow.type === "integer" && wide.type === "number") return true;
  const areRecords = [narrow, wide].map(({ patternProperties }) => patternProperties !== undefined);
  return narrow.type === wide.type && areRecords[0] === areRecords[1];
}

function bounds(shape: Shape): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(shape).filter(([keyword]) => !STRUCTURE.has(keyword)));
}

function isWithin(keyword: string, own: unknown, limit: unknown): boolean {
  if (typeof own === "number" && typeof limit === "number") {
    if (LOWER_BOUNDS.test(keyword)) return own >= limit;
    if (UPPER_BOUNDS.test(keyword)) return own <= limit;
  }
  return Bun.deepEquals(own, limit);
}

/** The name of a shape in a message. */
function label(shape: Shape): string {
  if ("const" in shape) return text(shape.const);
  if (shape.patternProperties) return "record";
  return shape.$ref ?? shape.type ?? "anything";
}

function text(value: unknown): string {
  return value === undefined ? "none" : JSON.stringify(value);
}
