import type { CallEndpoint } from "../gen/http-endpoints.ts";
import { type CallOptions, mismatch, type Validator } from "../rpc/method.ts";
import type { AvatarRemovals } from "./avatar/removals.ts";
import { clientOf } from "./client.ts";
import type { Exchange, Handler, HttpParts } from "./exchange.ts";
import { type Fields, toNfc } from "./fields.ts";
import { Refusal, success } from "./reply.ts";
import { withFirstSession } from "./session-cookie.ts";

type Parts = Pick<
  HttpParts,
  "clients" | "cookie" | "device" | "clientAddress" | "bodies" | "removals"
>;

/** Answer an endpoint by the method that it names: body and cookie → call → data and cookie. */
export function callHandler<Body extends object, Reply>(
  endpoint: CallEndpoint<Body, Reply>,
  parts: Parts,
): Handler {
  const { fields } = endpoint;
  const { bodies } = parts;
  const call = removingPicture(endpoint, parts.removals, callOf(endpoint, parts));
  const answer = answerOf(endpoint, parts);
  // An async function would keep a generator and two more objects for as long as the call takes.
  if (fields.length === 0) {
    const noFields = checked({}, endpoint.body);
    return (exchange) => call(exchange, noFields).then(answer);
  }
  const mayBeEmpty = endpoint.body.Check({});
  return (exchange) => {
    const { request } = exchange;
    exchange.step("reading the body");
    const given = mayBeEmpty && !hasBody(request) ? NO_FIELDS : bodies.readFields(request);
    return given
      .then((body) => {
        exchange.step(undefined);
        return call(exchange, checked(pick(body, fields), endpoint.body));
      })
      .then(answer);
  };
}

const NO_FIELDS: Promise<Fields> = Promise.resolve({});

/** An endpoint without required fields also takes a request without a body. */
function hasBody({ headers }: Request): boolean {
  const length = headers.get("Content-Length");
  return length === null ? headers.has("Transfer-Encoding") : length !== "0";
}

/** Make the answer from a reply: its data, and the cookies that change. */
function answerOf<Body, Reply>(
  endpoint: CallEndpoint<Body, Reply>,
  { cookie, device }: Parts,
): (reply: Reply) => Response {
  return (reply) => {
    const data = endpoint.data(reply);
    if (endpoint.endsSession?.(reply)) return success(data, cookie.clear());
    if (!endpoint.newSession) return success(data);
    const response = success(data, cookie.set(endpoint.newSession(reply)));
    const deviceId = endpoint.newDevice?.(reply);
    if (deviceId) response.headers.append("Set-Cookie", device.set(deviceId, endpoint.path));
    return response;
  };
}

type CallByBody<Body, Reply> = (exchange: Exchange, body: Body) => Promise<Reply>;

/** Remove the picture that a reply names, if the endpoint has one. */
function removingPicture<Body, Reply>(
  endpoint: CallEndpoint<Body, Reply>,
  removals: AvatarRemovals,
  call: CallByBody<Body, Reply>,
): CallByBody<Body, Reply> {
  const { unusedPicture } = endpoint;
  if (!unusedPicture) return call;
  return async (exchange, body) => {
    const reply = await call(exchange, body);
    await removals.removeDeleted(unusedPicture(reply), exchange.requestId);
    return reply;
  };
}

/**
 * Call the method with a body and, if it needs them, with the session of the cookie and what is
 * known of the browser.
 */
function callOf<Body extends object, Reply>(
  endpoint: CallEndpoint<Body, Reply>,
  parts: Parts,
): CallByBody<Body, Reply> {
  const { clients, cookie } = parts;
  const { needsClient } = endpoint;
  // A browser that closes during a sign-out still ends its session.
  const optionsOf = ({ request, requestId, observer }: Exchange): CallOptions =>
    endpoint.endsSession ? { requestId, observer } : { requestId, observer, signalOf: request };
  if (!endpoint.needsSession) {
    return (exchange, body) => {
      if (!needsClient) return endpoint.call(clients, body, optionsOf(exchange));
      // A sign-in ends the sessions that the browser has.
      const sessionIds = endpoint.newSession && cookie.readAll(exchange.request);
      const known = clientOf(exchange, parts);
      const client = sessionIds === undefined ? known : { ...known, sessionIds };
      return endpoint.call(clients, { ...body, client }, optionsOf(exchange));
    };
  }
  const callWith = (exchange: Exchange, body: Body, sessionId: string) => {
    const request = { ...body, sessionId };
    const whole = needsClient ? { ...request, client: clientOf(exchange, parts) } : request;
    return endpoint.call(clients, whole, optionsOf(exchange));
  };
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
