import type { BunRequest, Server } from "bun";
import type { Handler } from "./exchange.ts";
import type { RouteTable } from "./routes.ts";

/** `params` is set if a route has matched. */
export type BunHandler = (
  request: Request & Partial<Pick<BunRequest, "params">>,
  server: Server<undefined>,
) => Promise<Response>;

/** The URL table as Bun takes it. */
export function mapRoutes(
  table: RouteTable,
  answering: (route: string, handler: Handler) => BunHandler,
): Record<string, Record<string, BunHandler>> {
  return mapValues(table, (methods, route) =>
    mapValues(methods, (handler) => answering(route, handler)),
  );
}

function mapValues<T, U>(
  record: Readonly<Record<string, T>>,
  map: (value: T, key: string) => U,
): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
}
