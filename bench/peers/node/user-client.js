import { credentials } from "@grpc/grpc-js";
import { UserClient } from "./proto.js";

const TIMEOUT_MS = 5_000;

/** @typedef {{ username: string, password: string }} Credentials */
/** @typedef {{ sessionId: string }} SessionRef */
/** @typedef {{ username: string, nickname: string, profilePath: string }} Profile */

/**
 * The TCP tier's methods on one channel. They reject with gRPC's ServiceError.
 * @param {string} address as in "127.0.0.1:9091"
 */
export function connectUser(address) {
  const client = new UserClient(address, credentials.createInsecure(), {
    // Both cost time on each call: channelz keeps a record of it, retries keep a copy of it.
    "grpc.enable_channelz": 0,
    "grpc.enable_retries": 0,
    // Keep idle connections and ping them. Reconnect soon after a loss.
    "grpc.keepalive_time_ms": 30_000,
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1_000,
  });

  /**
   * @template Request, Reply
   * @param {string} name
   * @returns {(request: Request) => Promise<Reply>}
   */
  function method(name) {
    const send = client[name]?.bind(client);
    if (!send) throw new Error(`Cannot call ${name}: user.proto has no such method`);
    return (request) =>
      new Promise((resolve, reject) => {
        send(
          request,
          { deadline: Date.now() + TIMEOUT_MS },
          (/** @type {Error | null} */ error, /** @type {Reply} */ reply) => {
            if (error) reject(error);
            else resolve(reply);
          },
        );
      });
  }

  return {
    /** @type {(request: Credentials) => Promise<object>} */
    signUp: method("signUp"),
    /** @type {(request: Credentials) => Promise<SessionRef>} */
    signIn: method("signIn"),
    /** @type {(request: SessionRef) => Promise<object>} */
    signOut: method("signOut"),
    /** @type {(request: SessionRef) => Promise<Profile>} */
    getUserInfo: method("getUserInfo"),
    /** @type {(request: SessionRef & { nickname: string }) => Promise<object>} */
    updateNickname: method("updateNickname"),
    close: () => client.close(),
  };
}
