import type { Handler, HttpParts } from "./exchange.ts";
import { FILE_SECURITY } from "./security-headers.ts";

/** The paths of the probes. They come every few seconds, so the access log leaves them out. */
export const PROBES: ReadonlySet<string> = new Set(["/livez", "/readyz"]);

const HEADERS = new Headers({
  "Content-Type": "text/plain; charset=utf-8",
  "Cache-Control": "no-store",
  ...FILE_SECURITY,
});

/**
 * Routes "/livez" and "/readyz", for proxies and load balancers. Strangers can ask too, so the
 * answer does not say why the tier is not ready: the operator port does.
 */
export function probeRoutes({
  readiness,
}: Pick<HttpParts, "readiness">): Record<string, { readonly GET: Handler }> {
  return {
    "/livez": { GET: async () => answer("alive", 200) },
    "/readyz": {
      async GET() {
        const reasons = await readiness();
        return reasons.length === 0 ? answer("ready", 200) : answer("not ready", 503);
      },
    },
  };
}

function answer(word: string, status: number): Response {
  return new Response(`${word}\n`, { status, headers: HEADERS });
}
