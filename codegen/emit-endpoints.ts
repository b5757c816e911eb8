import { TypeGuard } from "@sinclair/typebox";
import {
  type CallModel,
  CLIENT_FIELD,
  DEVICE_FIELD,
  type EndpointModel,
  fieldNames,
  HTTP_API_SOURCE,
  SESSION_FIELD,
} from "./http-model.ts";
import type { ServiceModel } from "./model.ts";
import { header, memberOf, originDoc, variableName } from "./text.ts";

/**
 * The HTTP API as data, from which the HTTP tier routes requests, reads bodies and calls methods.
 */
export function emitEndpoints(endpoints: readonly EndpointModel[]): string {
  const calling = endpoints.flatMap((endpoint) => {
    return endpoint.call ? [{ ...endpoint, call: endpoint.call }] : [];
  });
  const owns = endpoints.filter(({ call }) => !call);
  const ownNames = owns.map(({ name }) => JSON.stringify(name)).join(" | ") || "never";
  const services = [...new Set(calling.map(({ call }) => call.service))];
  const bodies = calling.map(bodyCheck).join();
  return `${header(HTTP_API_SOURCE)}
${imports(services, bodies)}

${DECLARATIONS}
${from("An endpoint with a handler of its own.")}
export interface OwnEndpoint extends Endpoint {
  readonly name: ${ownNames};
}

${from("The clients of the services that answer endpoints.")}
export interface Clients {
${services.map(member).join("\n")}
}

${from("The clients, over one caller.")}
export function clientsOf(caller: Caller): Clients {
  return { ${services.map(newClient).join(", ")} };
}
${bodies.includes("NO_FIELDS") ? NO_FIELDS : ""}
${from("Hand each endpoint that a method answers to `take`: each has types of its own.")}
export function eachCallEndpoint(take: TakeCallEndpoint): void {
${calling.map((endpoint) => `  take({ ${callMembers(endpoint).join(", ")} });`).join("\n")}
}

${from("The endpoints with a handler of their own.")}
export const OWN_ENDPOINTS: readonly OwnEndpoint[] = [${owns.map(own).join(",\n")}];
`;
}

function from(summary: string): string {
  return originDoc("HTTP_API", HTTP_API_SOURCE, summary);
}

const DECLARATIONS = `${from("What every endpoint has.")}
export interface Endpoint {
  /** \`:name\` stands for one segment. */
  readonly path: string;
  readonly methods: readonly ("GET" | "POST")[];
  /** If true, other sites, prefetching and HEAD are refused. */
  readonly changesState: boolean;
}

${from("An endpoint that a method answers.")}
export type CallEndpoint<Body, Reply> = Endpoint & {
  /** The fields of the body; if there are none, the body is not read. */
  readonly fields: readonly string[];
  readonly body: Validator<Body>;
  /** The answer's \`data\`. */
  data(reply: Reply): unknown;
  /** The session that the cookie holds from now on. */
  newSession?(reply: Reply): string;
  /** The id that the cookie of the device holds from now on; undefined if that stays as it is. */
  newDevice?(reply: Reply): string | undefined;
  /** Whether the cookie is taken away. */
  endsSession?(reply: Reply): boolean;
  /** The picture that no profile shows any more. */
  unusedPicture?(reply: Reply): string;
  /** If true, the request also tells what the HTTP tier knows of the browser. */
  readonly needsClient: boolean;
} & (
    | { readonly needsSession: false; readonly call: Call<Body & OfClient, Reply> }
    | { readonly needsSession: true; readonly call: Call<Body & Session & OfClient, Reply> }
  );

type Call<Request, Reply> = (
  clients: Clients,
  request: Request,
  options: CallOptions,
) => Promise<Reply>;

/** What the cookie adds to a body. */
interface Session {
  readonly ${SESSION_FIELD}: string;
}

/** What the HTTP tier adds to a body if the endpoint needs it. */
interface OfClient {
  readonly ${CLIENT_FIELD}?: Client;
}

${from("What the HTTP tier knows of a browser.")}
export interface Client {
  /** The IP address. */
  readonly address: string;
  readonly userAgent?: string;
  /** From the cookie of the device. */
  readonly ${DEVICE_FIELD}?: string;
  /** The session that the browser has before a sign-in. */
  readonly ${SESSION_FIELD}?: string;
}

type TakeCallEndpoint = <Body extends object, Reply>(endpoint: CallEndpoint<Body, Reply>) => void;
`;

const NO_FIELDS = `
/** The check of a request that has nothing but a session. */
const NO_FIELDS = TypeCompiler.Compile(Type.Object({}));
`;

function imports(services: readonly ServiceModel[], bodies: string): string {
  const lines: string[] = [];
  if (bodies.includes("Type.Omit") || bodies.includes("NO_FIELDS")) {
    lines.push('import { Type } from "@sinclair/typebox";');
    lines.push('import { TypeCompiler } from "@sinclair/typebox/compiler";');
  }
  lines.push('import type { Caller, CallOptions, Validator } from "../rpc/method.ts";');
  // Import each service as a whole: two services may have messages of the same name.
  for (const { service, file } of services) {
    const name = variableName(service);
    lines.push(`import * as ${name} from "./${file}.ts";`);
    if (bodies.includes(`${name}Schema.`)) {
      lines.push(`import * as ${name}Schema from "../../schema/${file}.ts";`);
    }
  }
  return lines.join("\n");
}

function member({ service }: ServiceModel): string {
  const name = variableName(service);
  return `  readonly ${name}: ${name}.${service}Client;`;
}

function newClient({ service }: ServiceModel): string {
  const name = variableName(service);
  return `${name}: new ${name}.${service}Client(caller)`;
}

type CallingEndpoint = EndpointModel & { readonly call: CallModel };

/** The validator of the request without what the HTTP tier adds. */
function bodyCheck({ body, needsSession, needsClient, call }: CallingEndpoint): string {
  const name = variableName(call.service.service);
  const added = [...(needsSession ? [SESSION_FIELD] : []), ...(needsClient ? [CLIENT_FIELD] : [])];
  if (added.length === 0) return `${name}.${call.method.request}`;
  if (!body) return "NO_FIELDS";
  const message = `${name}Schema.${call.method.request}`;
  return `TypeCompiler.Compile(Type.Omit(${message}, ${JSON.stringify(added)}))`;
}

function callMembers(endpoint: CallingEndpoint): string[] {
  const { body, needsSession, needsClient, cookie, call } = endpoint;
  const { endsSessionIf, unusedPicture } = call;
  const hasDevice = DEVICE_FIELD in call.reply.properties;
  const client = `clients.${variableName(call.service.service)}`;
  return [
    ...common(endpoint),
    `fields: ${JSON.stringify(fieldNames(body))}`,
    `body: ${bodyCheck(endpoint)}`,
    `needsSession: ${needsSession}`,
    `needsClient: ${needsClient}`,
    `call: (clients, request, options) => ${client}.${call.method.name}(request, options)`,
    `data: ${dataOf(endpoint)}`,
    ...(cookie === "set" ? [`newSession: (reply) => reply.${SESSION_FIELD}`] : []),
    ...(hasDevice ? [`newDevice: (reply) => reply.${DEVICE_FIELD}`] : []),
    ...(cookie === "clear" ? ["endsSession: () => true"] : []),
    ...(endsSessionIf ? [`endsSession: (reply) => ${memberOf("reply", endsSessionIf)}`] : []),
    ...(unusedPicture ? [`unusedPicture: (reply) => ${memberOf("reply", unusedPicture)}`] : []),
  ];
}

/** A function that picks the declared fields of the reply. Other fields stay with the HTTP tier. */
function dataOf({ data, call }: CallingEndpoint): string {
  if (call.returns !== undefined) return `(reply) => ${memberOf("reply", call.returns)}`;
  if (!TypeGuard.IsObject(data)) return '() => ""';
  const fields = fieldNames(data).map(
    (name) => `${JSON.stringify(name)}: ${memberOf("reply", name)}`,
  );
  return `(reply) => ({ ${fields.join(", ")} })`;
}

function own(endpoint: EndpointModel): string {
  return `{ name: ${JSON.stringify(endpoint.name)}, ${common(endpoint).join(", ")} }`;
}

function common({ path, methods, changesState }: EndpointModel): string[] {
  return [
    `path: ${JSON.stringify(path)}`,
    `methods: ${JSON.stringify(methods)}`,
    `changesState: ${changesState}`,
  ];
}
