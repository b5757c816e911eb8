import { fileURLToPath } from "node:url";
import { loadPackageDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const FILE = fileURLToPath(new URL("user.proto", import.meta.url));

const { account } = loadPackageDefinition(loadSync(FILE, { defaults: true }));
const found = account && "User" in account ? account.User : undefined;
if (typeof found !== "function") throw new Error(`Cannot find account.User in ${FILE}`);

/** Makes clients of account.User; its `service` is the definition that a server implements. */
export const UserClient = found;
