// The TCP tier: sessions, cache and users behind gRPC.

import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import { DomainError, ERRORS } from "./errors.js";
import { Passwords, TooBusy } from "./passwords.js";
import { UserClient } from "./proto.js";
import { Sessions } from "./sessions.js";
import { createUserService } from "./user-service.js";
import { Users } from "./users.js";

/** Longer than any caller's timeout. */
const GRACE_MS = 6_000;

const { RPC_PORT, DATABASE_URL = "", REDIS_URL = "", PASSWORD_HASH = "" } = process.env;

const users = new Users(DATABASE_URL);
const sessions = new Sessions(REDIS_URL);
const service = createUserService({ users, sessions, passwords: new Passwords(PASSWORD_HASH) });

/**
 * @template Request, Reply
 * @param {(request: Request) => Promise<Reply>} method
 * @returns {import("@grpc/grpc-js").handleUnaryCall<Request, Reply>}
 */
function unary(method) {
  return (call, callback) => {
    method(call.request).then(
      (reply) => callback(null, reply),
      (error) => callback(statusOf(error)),
    );
  };
}

/** @param {unknown} error */
function statusOf(error) {
  if (error instanceof DomainError) {
    return { code: ERRORS[error.code].grpc, details: error.code };
  }
  if (error instanceof TooBusy) return { code: status.RESOURCE_EXHAUSTED, details: error.message };
  console.error(error);
  return { code: status.INTERNAL, details: "ServerError" };
}

const server = new Server({ "grpc.enable_channelz": 0 });
server.addService(UserClient.service, {
  signUp: unary(service.signUp),
  signIn: unary(service.signIn),
  signOut: unary(service.signOut),
  getUserInfo: unary(service.getUserInfo),
  updateNickname: unary(service.updateNickname),
});
server.bindAsync(`127.0.0.1:${RPC_PORT}`, ServerCredentials.createInsecure(), (error) => {
  if (error) throw error;
});

process.once("SIGTERM", () => {
  setTimeout(() => process.exit(), GRACE_MS).unref();
  server.tryShutdown(async () => {
    await Promise.allSettled([users.close(), sessions.quit()]);
    process.exit();
  });
});
