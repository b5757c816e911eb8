import { createServer } from "node:http2";
import { create, createFileRegistry, type DescMethodUnary } from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Type as FieldType,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { connectNodeAdapter, createConnectTransport } from "@connectrpc/connect-node";
import { type Contender, HOST, PROFILE, REQUEST_ID, SESSION_ID, TIMEOUT_MS } from "./contender.ts";

/** The service of user.proto. Connect-ES cannot read a .proto file at run time. */
function userInfoMethod(): DescMethodUnary {
  const message = (name: string, ...fields: string[]) => ({
    name,
    field: fields.map((field, index) => ({
      name: field,
      number: index + 1,
      type: FieldType.STRING,
      jsonName: field.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    })),
  });
  const file = create(FileDescriptorProtoSchema, {
    name: "user.proto",
    package: "bench",
    syntax: "proto3",
    messageType: [
      message("SessionRef", "session_id"),
      message("Profile", "username", "nickname", "profile_path"),
    ],
    service: [
      {
        name: "User",
        method: [
          { name: "GetUserInfo", inputType: ".bench.SessionRef", outputType: ".bench.Profile" },
        ],
      },
    ],
  });
  const service = createFileRegistry(file, () => undefined).getService("bench.User");
  const method = service?.methods[0];
  if (method?.methodKind !== "unary") throw new Error("Cannot describe bench.User");
  return { ...method, methodKind: "unary" };
}

/** Connect-ES over HTTP/2 with protobuf, timeout and request id. */
export const connectEs: Contender = {
  async serve() {
    const adapter = connectNodeAdapter({
      routes: (router) => router.rpc(userInfoMethod(), () => PROFILE),
    });
    const server = createServer(adapter);
    return new Promise((resolve, reject) => {
      server.on("error", reject);
      server.listen(0, HOST, () => {
        const address = server.address();
        if (address && typeof address === "object") resolve({ port: address.port });
      });
    });
  },

  async connect(port) {
    const transport = createConnectTransport({
      httpVersion: "2",
      baseUrl: `http://${HOST}:${port}`,
    });
    const method = userInfoMethod();
    const headers = { "X-Request-Id": REQUEST_ID };
    return async () => {
      const input = { sessionId: SESSION_ID };
      const reply = await transport.unary(method, undefined, TIMEOUT_MS, headers, input);
      return Object(reply.message).username;
    };
  },
};
