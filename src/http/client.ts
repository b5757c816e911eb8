import type { Client } from "../gen/http-endpoints.ts";
import type { Exchange, HttpParts } from "./exchange.ts";

/** The schema allows no more, and the list of sessions shows no more. */
const MAX_USER_AGENT_CHARACTERS = 120;

/** What the HTTP tier knows of the browser of a request. */
export function clientOf(
  exchange: Exchange,
  { clientAddress, device }: Pick<HttpParts, "clientAddress" | "device">,
): Client {
  const { request } = exchange;
  const userAgent = request.headers.get("User-Agent");
  const deviceIds = device.readAll(request);
  return {
    address: clientAddress.of(exchange),
    ...(userAgent !== null && { userAgent: userAgent.slice(0, MAX_USER_AGENT_CHARACTERS) }),
    ...(deviceIds !== undefined && { deviceIds }),
  };
}
