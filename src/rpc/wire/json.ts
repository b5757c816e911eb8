export type JsonObject = Readonly<Record<string, unknown>>;

/** Parse what a peer says is an object; undefined where it is none, or no JSON at all. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined; // The caller knows what it wanted to read, and says so.
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
