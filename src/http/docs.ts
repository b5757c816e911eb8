import { join } from "node:path";
import type { Handler } from "./exchange.ts";
import { page } from "./pages.ts";

const VIEWER = "swagger-ui-dist";
const VIEWER_FILES = ["swagger-ui.css", "swagger-ui-bundle.js"];

/** The page that shows `/openapi.json` to people, and the viewer from its package. */
export function docsRoutes(publicFolder: string): Record<string, { GET: Handler }> {
  const files = VIEWER_FILES.map((name): [string, { GET: Handler }] => {
    const path = Bun.resolveSync(`${VIEWER}/${name}`, import.meta.dir);
    return [`/docs/${name}`, { GET: page(path, "public, max-age=86400") }];
  });
  return {
    "/docs": { GET: page(join(publicFolder, "docs.html")) },
    ...Object.fromEntries(files),
  };
}
