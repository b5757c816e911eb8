import { join } from "node:path";
import {
  Client,
  credentials,
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { type Contender, HOST, PROFILE, REQUEST_ID, SESSION_ID, TIMEOUT_MS } from "./contender.ts";

interface Profile {
  readonly username: string;
}

function userService() {
  const loaded = loadSync(join(import.meta.dir, "user.proto"))["bench.User"];
  if (!loaded || !("GetUserInfo" in loaded)) throw new Error("Cannot find bench.User");
  // proto-loader knows the types only at run time; user.proto declares them.
  const getUserInfo = loaded.GetUserInfo as MethodDefinition<{ sessionId: string }, Profile>;
  return { getUserInfo };
}

/** @grpc/grpc-js with protobuf, deadline and request id. */
export const grpcJs: Contender = {
  async serve() {
    const server = new Server();
    server.addService(userService(), {
      getUserInfo: (_call: unknown, callback: (error: null, reply: unknown) => void) =>
        callback(null, PROFILE),
    });
    return new Promise((resolve, reject) => {
      server.bindAsync(`${HOST}:0`, ServerCredentials.createInsecure(), (error, port) => {
        if (error) reject(error);
        else resolve({ port });
      });
    });
  },

  async connect(port) {
    const client = new Client(`${HOST}:${port}`, credentials.createInsecure());
    const { path, requestSerialize, responseDeserialize } = userService().getUserInfo;
    return () => {
      const metadata = new Metadata();
      metadata.set("x-request-id", REQUEST_ID);
      return new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          { sessionId: SESSION_ID },
          metadata,
          { deadline: Date.now() + TIMEOUT_MS },
          (error, reply) => {
            if (reply) resolve(reply.username);
            else reject(error);
          },
        );
      });
    };
  },
};
