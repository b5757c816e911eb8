import type { MethodModel } from "./model.ts";

/** As the formatter breaks lines, so that emitted code looks like the rest. */
export const MAX_COLUMNS = 100;

/** The first line of every emitted file. */
export function header(source: string): string {
  return `// @generated from ${source} by \`bun run codegen\`. Edit the schema, not this file.`;
}

/** `signIn` → `SIGN_IN` */
export function constantName(name: string): string {
  return name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toUpperCase();
}

/** An import or export list, broken over lines where one does not hold it. */
export function braced(before: string, names: readonly string[], after: string): string {
  const line = `${before}{ ${names.join(", ")} }${after}`;
  if (line.length <= MAX_COLUMNS) return line;
  return `${before}{\n${names.map((name) => `  ${name},\n`).join("")}}${after}`;
}

/** The doc comment of a method, indented by two. */
export function methodDoc({ summary, errors }: MethodModel): string {
  const declared = errors.length === 0 ? [] : [`Errors: ${errors.join(", ")}.`];
  const line = `  /** ${[summary, ...declared].join(" ")} */`;
  if (line.length <= MAX_COLUMNS) return line;
  return ["  /**", ...[summary, ...declared].map((text) => `   * ${text}`), "   */"].join("\n");
}

/** The names of all messages that the methods take and return, sorted, each once. */
export function messageNames(methods: readonly MethodModel[]): string[] {
  return [...new Set(methods.flatMap(({ request, reply }) => [request, reply]))].sort();
}
