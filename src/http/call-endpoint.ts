import type { CallEndpoint } from "../gen/http-endpoints.ts";
import { type CallOptions, mismatch, type Validator } from "../rpc/method.ts";
import type { Exchange, Handler, HttpParts } from "./exchange.ts";
import { type Fields, toNfc } from "./fields.ts";
import { Refusal, success } from "./reply.ts";
import { withFirstSession } from "./session-cookie.ts";

/** Answer an endpoint by the method that it names: body and cookie → call → data and cookie. */
export function callHandler<Body extends object, Reply>(
  endpoint: CallEndpoint<Body, Reply>,
  { clients, cookie, bodies }: Pick<HttpParts, "clients" | "cookie" | "bodies">,
): Handler {
  const { fields } = endpoint;
  const call = callOf(endpoint, { clients, cookie });
  // An async function would keep a generator and two more objects for as long as the call takes.
  if (fields.length === 0) {
    const noFields = checked({}, endpoint.body);
    return (exchange) => call(exchange, noFields).then(answer);
  }
  return (exchange) =>
    bodies
      .readFields(exchange.request)
      .then((given) => call(exchange, checked(pick(given, fields), endpoint.body)))
      .then(answer);

  function answer(reply: Reply): Response {
    const data = endpoint.data(reply);
    if (endpoint.newSession) return success(data, cookie.set(endpoint.newSession(reply)));
    return success(data, endpoint.endsSession && cookie.clear());
  }
}

/** Call the method with a body and, if it needs one, with the session of the cookie. */
function callOf<Body extends object, Reply>(
  endpoint: CallEndpoint<Body, Reply>,
  { clients, cookie }: Pick<HttpParts, "clients" | "cookie">,
): (exchange: Exchange, body: Body) => Promise<Reply> {
  // A browser that closes during a sign-out still ends its session.
  const optionsOf = ({ request, requestId }: Exchange): CallOptions =>
    endpoint.endsSession ? { requestId } : { requestId, signalOf: request };
  if (!endpoint.needsSession) {
    return (exchange, body) => endpoint.call(clients, body, optionsOf(exchange));
  }
  const callWith = (exchange: Exchange, body: Body, sessionId: string) =>
    endpoint.call(clients, { ...body, sessionId }, optionsOf(exchange));
  return (exchange, body) => {
    const sessionIds = cookie.read(exchange.request);
    if (typeof sessionIds === "string") return callWith(exchange, body, sessionIds);
    return withFirstSession(sessionIds, (sessionId) => callWith(exchange, body, sessionId));
  };
}

/** The named fields of a body and no others. */
function pick(given: Fields, names: readonly string[]): Fields {
  const body: Record<string, unknown> = {};
  for (const name of names) {
    if (given[name] !== undefined) body[name] = toNfc(given[name]);
  }
  return body;
}

/** @throws {Refusal} 400: a field is missing or against its rule */
function checked<Body>(body: unknown, validator: Validator<Body>): Body {
  if (validator.Check(body)) return body;
  throw new Refusal(400, mismatch(validator, body).replace(/^\//, ""));
}
