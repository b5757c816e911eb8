import { type EndpointModel, fieldNames } from "./http-model.ts";
import { constantName, header, originDoc, variableName } from "./text.ts";

export const HTTP_API_SOURCE = "schema/http-api.ts";

/** The HTTP API as data: what the HTTP tier routes, reads and calls by. */
export function emitEndpoints(endpoints: readonly EndpointModel[]): string {
  const calling = endpoints.flatMap(({ call }) => (call ? [call] : []));
  // As a whole: two services may have a method of one name.
  const imports = [...new Set(calling.map(({ service }) => service))].map(
    ({ service, file }) => `import * as ${variableName(service)} from "./${file}.ts";`,
  );
  const owns = endpoints.filter(({ call }) => !call);
  const ownNames = owns.map(({ name }) => JSON.stringify(name)).join(" | ") || "never";
  return [
    header(HTTP_API_SOURCE),
    'import type { Caller, Method } from "../rpc/method.ts";',
    ...imports,
    "",
    DECLARATIONS,
    `${from("An endpoint with a handler of its own.")}
export interface OwnEndpoint extends Endpoint {
  readonly name: ${ownNames};
}

${from("The endpoints that a method answers.")}
export const CALL_ENDPOINTS: readonly CallEndpoint[] = [${calls(endpoints).join(",\n")}];

${from("The endpoints with a handler of their own.")}
export const OWN_ENDPOINTS: readonly OwnEndpoint[] = [${owns.map(own).join(",\n")}];
`,
  ].join("\n");
}

function from(summary: string): string {
  return originDoc("HTTP_API", HTTP_API_SOURCE, summary);
}

const DECLARATIONS = `export type { Caller };

${from("What every endpoint has.")}
export interface Endpoint {
  /** \`:name\` stands for one segment. */
  readonly path: string;
  readonly methods: readonly ("GET" | "POST")[];
  /** Not to be asked for on behalf of another site, ahead of time or by HEAD. */
  readonly changesState: boolean;
}

${from("An endpoint that a method answers.")}
export interface CallEndpoint extends Endpoint {
  readonly method: Method<unknown, unknown>;
  /** What the body holds of the request. */
  readonly fields: readonly string[];
  /** The cookie holds the \`sessionId\` of the request. */
  readonly needsSession: boolean;
  /** Whether the reply's \`sessionId\` becomes the cookie, or the cookie is taken away. */
  readonly cookie?: "set" | "clear";
  /** The answer's \`data\`: a field of the reply, or an object of several. */
  readonly returns: string | readonly string[];
}
`;

function calls(endpoints: readonly EndpointModel[]): string[] {
  return endpoints.flatMap((endpoint) => {
    const { body, data, needsSession, cookie, call } = endpoint;
    if (!call) return [];
    const lines = [
      ...common(endpoint),
      `method: ${variableName(call.service.service)}.${constantName(call.method.name)}`,
      `fields: ${JSON.stringify(fieldNames(body))}`,
      `needsSession: ${needsSession}`,
      ...(cookie ? [`cookie: "${cookie}"`] : []),
      `returns: ${JSON.stringify(call.returns ?? Object.keys(data?.properties ?? {}))}`,
    ];
    return `{ ${lines.join(", ")} }`;
  });
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
