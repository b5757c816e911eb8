import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Handler } from "./exchange.ts";
import { Refusal } from "./reply.ts";

const HEADERS = {
  "Cache-Control": "no-cache",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "same-origin",
  "Content-Security-Policy":
    "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; " +
    "form-action 'self'; frame-ancestors 'none'",
};

/** A route for each file that stands in the folder at the start, and for nothing else. */
export function pageRoutes(folder: string): Record<string, { GET: Handler }> {
  const files = readdirSync(folder, { withFileTypes: true }).filter((item) => item.isFile());
  return Object.fromEntries(
    files.map(({ name }) => [`/${name}`, { GET: () => page(join(folder, name)) }]),
  );
}

/** Read afresh for every request, so that an edited page needs no restart. */
export async function page(
  path: string,
  cacheControl = HEADERS["Cache-Control"],
): Promise<Response> {
  const file = Bun.file(path);
  if (!(await file.exists())) throw new Refusal(404, "path: there is no such page");
  return new Response(file, { headers: { ...HEADERS, "Cache-Control": cacheControl } });
}
