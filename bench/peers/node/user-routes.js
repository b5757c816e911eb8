import { sendFailure } from "./failures.js";
import { CREDENTIALS, NICKNAME, PROFILE_ANSWERS, TEXT_ANSWERS } from "./schemas.js";

const COOKIE = "sessionID";
const SESSION_SECONDS = 1800;
/** UTF-16 units: far more than any valid text has before normalisation. */
const MAX_TEXT_UNITS = 256;

/** @type {import("@fastify/cookie").CookieSerializeOptions} */
const COOKIE_ATTRIBUTES = { path: "/", httpOnly: true, sameSite: "lax" };

/** @typedef {import("./user-client.js").Credentials} Credentials */

/**
 * The endpoints of accounts. Each is one call of the TCP tier.
 * @param {import("fastify").FastifyInstance} app
 * @param {{ user: ReturnType<typeof import("./user-client.js").connectUser> }} options
 */
export async function userRoutes(app, { user }) {
  app.addHook("preValidation", normalizeBody);

  app.get("/get_user_info", { schema: { response: PROFILE_ANSWERS } }, async (request, reply) => {
    const sessionId = request.cookies[COOKIE];
    if (!sessionId) return sendFailure(reply, "InvalidSessionError");
    return success(await user.getUserInfo({ sessionId }));
  });

  app.register(async (changing) => {
    changing.addHook("onRequest", refuseCrossSite);

    /** @type {import("fastify").RouteHandlerMethod} */
    const signOut = async (request, reply) => {
      const sessionId = request.cookies[COOKIE];
      if (!sessionId) return sendFailure(reply, "InvalidSessionError");
      await user.signOut({ sessionId });
      reply.setCookie(COOKIE, "", { ...COOKIE_ATTRIBUTES, maxAge: 0 });
      return success("");
    };

    changing.post(
      "/signup",
      { schema: { body: CREDENTIALS, response: TEXT_ANSWERS } },
      async (request) => {
        const { username, password } = /** @type {Credentials} */ (request.body);
        await user.signUp({ username, password });
        return success("");
      },
    );

    changing.post(
      "/signin",
      { schema: { body: CREDENTIALS, response: TEXT_ANSWERS } },
      async (request, reply) => {
        const { username, password } = /** @type {Credentials} */ (request.body);
        const { sessionId } = await user.signIn({ username, password });
        reply.setCookie(COOKIE, sessionId, { ...COOKIE_ATTRIBUTES, maxAge: SESSION_SECONDS });
        return success("");
      },
    );

    changing.post(
      "/update_nickname",
      { schema: { body: NICKNAME, response: TEXT_ANSWERS } },
      async (request, reply) => {
        const { nickname } = /** @type {{ nickname: string }} */ (request.body);
        const sessionId = request.cookies[COOKIE];
        if (!sessionId) return sendFailure(reply, "InvalidSessionError");
        await user.updateNickname({ sessionId, nickname });
        return success(nickname);
      },
    );

    // Signing out has no body. If there is one, it is not read.
    changing.register(async (bodiless) => {
      bodiless.removeAllContentTypeParsers();
      bodiless.addContentTypeParser("*", (_request, _payload, done) => done(null));
      bodiless.route({
        method: ["GET", "POST"],
        url: "/signout",
        schema: { response: TEXT_ANSWERS },
        handler: signOut,
      });
    });
  });
}

/** @param {unknown} data */
function success(data) {
  return { errCode: "7", errMsg: "success", data };
}

/**
 * Normalise to NFC before lengths are checked. A far too long text is left to the check.
 * @param {import("fastify").FastifyRequest} request
 */
async function normalizeBody({ body }) {
  if (typeof body !== "object" || body === null) return;
  for (const [name, value] of Object.entries(body)) {
    if (typeof value === "string" && value.length <= MAX_TEXT_UNITS) {
      Object.assign(body, { [name]: value.normalize("NFC") });
    }
  }
}

/**
 * Refuse requests that a browser sends for another site. Other clients send neither header.
 * @param {import("fastify").FastifyRequest} request
 * @param {import("fastify").FastifyReply} reply
 */
async function refuseCrossSite({ headers }, reply) {
  const site = headers["sec-fetch-site"];
  if (site === "same-origin" || site === "none") return;
  const { origin, host } = headers;
  if (site === undefined) {
    if (origin === undefined) return;
    if (URL.canParse(origin) && new URL(origin).host === host) return;
  }
  return sendFailure(reply, "InvalidParamsError", 403);
}
