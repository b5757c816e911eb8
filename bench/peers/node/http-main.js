// The HTTP tier: checks, cookies and the JSON envelope in front of gRPC.

import cookie from "@fastify/cookie";
import formbody from "@fastify/formbody";
import fastify from "fastify";
import { handleError, sendFailure } from "./failures.js";
import { connectUser } from "./user-client.js";
import { userRoutes } from "./user-routes.js";

const MAX_BODY_BYTES = 64 * 1024;
/** Node's default is 511. If thousands connect at once, the others retry after a second. */
const BACKLOG = 4096;

const { HTTP_PORT, RPC_ADDRESS = "" } = process.env;

const user = connectUser(RPC_ADDRESS);

const app = fastify({
  logger: false,
  bodyLimit: MAX_BODY_BYTES,
  // Refuse a field of the wrong type instead of converting it.
  ajv: { customOptions: { coerceTypes: false } },
  // For example, a URL that cannot be decoded.
  frameworkErrors: handleError,
});

/** Path → its methods, for the answer to a wrong method. @type {Map<string, string[]>} */
const methodsByPath = new Map();
app.addHook("onRoute", ({ url, method }) => {
  methodsByPath.set(url, [...(methodsByPath.get(url) ?? []), method].flat());
});
app.setNotFoundHandler(({ url }, reply) => {
  const methods = methodsByPath.get(url.split("?")[0] ?? "");
  if (!methods) return sendFailure(reply, "InvalidParamsError", 404);
  reply.header("allow", methods.join(", "));
  return sendFailure(reply, "InvalidParamsError", 405);
});
app.setErrorHandler(handleError);
app.removeContentTypeParser("text/plain");
app.register(cookie);
app.register(formbody);
app.register(userRoutes, { user, prefix: "/api/entrytask/user" });
app.addHook("onClose", () => user.close());

await app.listen({ host: "127.0.0.1", port: Number(HTTP_PORT), backlog: BACKLOG });

process.once("SIGTERM", () => app.close());
