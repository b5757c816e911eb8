import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Handler } from "./exchange.ts";

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
    files.map(({ name }) => [`/${name}`, { GET: page(join(folder, name)) }]),
  );
}

/**
 * Serve one file from memory, always whole. From the disk, Bun would answer ranges, with statuses
 * that the API does not have, and read the file for each of many pipelined requests.
 */
export function page(path: string, cacheControl = HEADERS["Cache-Control"]): Handler {
  const bytes = readFileSync(path);
  const headers = new Headers({
    ...HEADERS,
    "Content-Type": Bun.file(path).type,
    "Cache-Control": cacheControl,
  });
  return () => Promise.resolve(new Response(bytes, { headers }));
}
