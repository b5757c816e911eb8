import type { CallEndpoint } from "../gen/http-endpoints.ts";
import { mismatch } from "../rpc/method.ts";
import type { Exchange, Handler, HttpParts } from "./exchange.ts";
import { type Fields, isObject, toNfc } from "./fields.ts";
import { Refusal, success } from "./reply.ts";
import { withFirstSession } from "./session-cookie.ts";

/** Stands for the session while the shape of a request is judged, which comes first. */
const ANY_SESSION = { sessionId: "" };

/** Answer an endpoint by the method that it names: body and cookie → call → data and cookie. */
export function callHandler(
  endpoint: CallEndpoint,
  { caller, cookie, bodies }: Pick<HttpParts, "caller" | "cookie" | "bodies">,
): Handler {
  const { method, needsSession, returns } = endpoint;
  const hasBody = endpoint.fields.length > 0;
  const endsSession = endpoint.cookie === "clear";
  // An async function would keep a generator and two more objects for as long as the call takes.
  if (!hasBody) return (exchange) => call(exchange, {});
  return (exchange) =>
    bodies.readFields(exchange.request).then((fields) => call(exchange, bodyOf(endpoint, fields)));

  function call(exchange: Exchange, fields: Record<string, unknown>): Promise<Response> {
    if (!needsSession) return send(exchange, fields);
    const sessionIds = cookie.read(exchange.request);
    if (typeof sessionIds !== "string") {
      return withFirstSession(sessionIds, (sessionId) => send(exchange, { ...fields, sessionId }));
    }
    fields.sessionId = sessionIds;
    return send(exchange, fields);
  }

  function send({ request, requestId }: Exchange, fields: Fields): Promise<Response> {
    // Who closes the window on signing out wants the session to end all the same.
    const options = endsSession ? { requestId } : { requestId, signalOf: request };
    return caller.call(method, fields, options).then(answer);
  }

  function answer(reply: unknown): Response {
    if (!isObject(reply)) throw new TypeError(`Cannot show the reply of ${method.name}`);
    const data = typeof returns === "string" ? reply[returns] : pick(reply, returns);
    if (endpoint.cookie === "set") return success(data, cookie.set(String(reply.sessionId)));
    return success(data, endsSession ? cookie.clear() : undefined);
  }
}

/** @throws {Refusal} 400: the body does not hold what the method's request needs */
function bodyOf(
  { method, fields, needsSession }: CallEndpoint,
  given: Fields,
): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const field of fields) {
    if (given[field] !== undefined) body[field] = toNfc(given[field]);
  }
  const message = needsSession ? { ...body, ...ANY_SESSION } : body;
  if (method.request.Check(message)) return body;
  throw new Refusal(400, mismatch(method.request, message).replace(/^\//, ""));
}

/** The named fields and no others; "" for none. */
function pick(reply: Fields, names: readonly string[]): Fields | "" {
  if (names.length === 0) return "";
  const data: Record<string, unknown> = {};
  for (const name of names) data[name] = reply[name];
  return data;
}
