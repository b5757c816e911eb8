// Bun.serve with fixed answers for two endpoints.

const SESSION_ID = "b0a49a50-5b0b-3c5c-9a2c-2b6d3f4e8a11";
const PROFILE = { username: "test0", nickname: "test0", profilePath: "default.webp" };

const HEADERS = { "Content-Type": "application/json; charset=utf-8" };
const HEADERS_WITH_COOKIE = {
  ...HEADERS,
  "Set-Cookie": `sessionID=${SESSION_ID}; Path=/; Max-Age=1800; HttpOnly; SameSite=Lax`,
};

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env.HTTP_PORT),
  development: false,
  routes: {
    "/api/entrytask/user/get_user_info": {
      GET: () => success(PROFILE, HEADERS),
    },
    "/api/entrytask/user/signin": {
      async POST(request) {
        await request.json();
        return success("", HEADERS_WITH_COOKIE);
      },
    },
  },
});

process.once("SIGTERM", () => server.stop(true));

/** Encoded for each request, as in a real service. */
function success(data: unknown, headers: Readonly<Record<string, string>>): Response {
  return new Response(JSON.stringify({ errCode: "7", errMsg: "success", data }), { headers });
}
