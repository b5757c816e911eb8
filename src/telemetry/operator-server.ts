/** The part of `Log` that this file uses: `dev` has no log. */
export interface OperatorLog {
  info(fields: object, event: string): void;
  error(fields: { readonly err: unknown }, event: string): void;
}

export interface OperatorServerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** In the format that the content type names; undefined while there are none. */
  readonly metrics: () => Promise<
    { readonly text: string; readonly contentType: string } | undefined
  >;
  /** Why this process is not ready; empty if it is. */
  readonly readiness: () => Promise<readonly string[]>;
  readonly log: OperatorLog;
}

/**
 * Serves `/livez`, `/readyz` and `/metrics` to the operator, on a port of its own, from before the
 * start of a tier to its end.
 */
export class OperatorServer {
  readonly #server: Bun.Server<undefined>;

  constructor({ host: hostname, port, metrics, readiness, log }: OperatorServerOptions) {
    this.#server = Bun.serve({
      hostname,
      port,
      development: false,
      // Two processes on one port would each answer for half of the questions.
      reusePort: false,
      routes: {
        "/livez": { GET: () => text("alive") },
        "/readyz": {
          async GET() {
            const reasons = await readiness();
            return reasons.length === 0 ? text("ready") : text(reasons.join("\n"), 503);
          },
        },
        "/metrics": {
          async GET() {
            const found = await metrics();
            if (!found) return text("starting", 503);
            return new Response(found.text, { headers: { "Content-Type": found.contentType } });
          },
        },
      },
      fetch: () => text("nothing is at this path: try /livez, /readyz or /metrics", 404),
      error(err) {
        log.error({ err }, "cannot answer the operator");
        return text("failed: see the log", 500);
      },
    });
    log.info({ address: this.url }, "metrics and probes");
  }

  /** `http://host:port`, with the actual port. */
  get url(): string {
    return this.#server.url.origin;
  }
}

function text(body: string, status = 200): Response {
  const headers = { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" };
  return new Response(`${body}\n`, { status, headers });
}
