import { expect, setDefaultTimeout, test } from "bun:test";
import { startStack } from "../stack.ts";
import { sendRaw } from "./raw-http.ts";

// What probes of proxies get, as docs/operations.md says.

// A limit ends a hang; it does not judge speed.
setDefaultTimeout(60_000);

test.each([
  ["GET /readyz HTTP/1.0", 200, /\r\n\r\nready\n$/],
  ["GET /readyz HTTP/1.1", 200, /\r\n\r\nready\n$/],
  ["HEAD /readyz HTTP/1.1", 200, /\r\n\r\n$/],
  ["GET /livez HTTP/1.1", 200, /\r\n\r\nalive\n$/],
  ["HEAD /livez HTTP/1.0", 200, /\r\n\r\n$/],
  ["HEAD / HTTP/1.1", 302, /\r\n\r\n$/],
  ["OPTIONS / HTTP/1.0", 405, /\r\nAllow: GET, HEAD\r\n/],
  ["OPTIONS /readyz HTTP/1.1", 405, /\r\nAllow: GET, HEAD\r\n/],
  // Bun answers by itself. If it no longer does, docs/operations.md is wrong.
  ["OPTIONS * HTTP/1.1", 400, /^HTTP\/1\.1 400 Bad Request\r\n/],
])("%s answers %d", async (line, status, text) => {
  await using stack = await startStack();
  const { host } = new URL(stack.url);
  const answer = await sendRaw(stack.url, `${line}\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  expect(answer.status).toBe(status);
  expect(`${answer.head}\r\n\r\n${answer.body}`).toMatch(text);
});
