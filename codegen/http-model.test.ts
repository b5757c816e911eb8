import { describe, expect, test } from "bun:test";
import { type TObject, Type } from "@sinclair/typebox";
import { contract } from "../schema/contract.ts";
import type { EndpointSpec, HttpApi } from "../schema/endpoint.ts";
import { checkEndpoints } from "./check-endpoint.ts";
import { emitBrowserClient } from "./emit-browser-client.ts";
import { emitEndpoints } from "./emit-endpoints.ts";
import { emitOpenApi } from "./emit-openapi.ts";
import { type EndpointModel, endpointModels } from "./http-model.ts";
import { SchemaError, type ServiceModel, serviceModel } from "./model.ts";

const text = Type.String();
const sessionId = Type.String();
const Note = Type.Object({
  sessionId,
  text: Type.String({ examples: ["Milk"] }),
  tags: Type.Optional(Type.Array(Type.String())),
});
const Saved = Type.Object({
  id: Type.Integer({ examples: [7] }),
  note: Note,
  before: Type.Optional(Note),
});
const Session = Type.Object({ sessionId });
const errors = ["InvalidSessionError"] as const;
const NotesContract = contract("Notes", {
  save: { number: 1, summary: "Save a note.", request: Note, reply: Saved, errors },
  enter: { number: 2, summary: "Begin.", request: Saved, reply: Session, errors: [] },
});
const notes = serviceModel("schema/notes.ts", { Note, Saved, Session, NotesContract });

const SAVE: EndpointSpec = {
  path: "/notes",
  methods: ["POST"],
  calls: "Notes.save",
  changesState: true,
};
const SHOW: EndpointSpec = {
  path: SAVE.path,
  methods: ["GET"],
  summary: "Show notes.",
  tag: "Notes",
  changesState: false,
  errors: [],
};

function models(api: HttpApi, services = [notes]): readonly EndpointModel[] {
  const endpoints = endpointModels(api, services);
  checkEndpoints(endpoints);
  return endpoints;
}

/** A service with one method, called `get`, of these messages. */
function other(request: TObject, reply: TObject, declared = {}): ServiceModel {
  const get = { number: 9, summary: "Get.", request, reply, errors: [], ...declared };
  const OtherContract = contract("Other", { get });
  return serviceModel("schema/other.ts", { Note: request, Reply: reply, OtherContract });
}

const GET_OTHER: EndpointSpec = {
  path: "/other",
  methods: ["POST"],
  calls: "Other.get",
  changesState: true,
};

describe("an endpoint", () => {
  test("takes its session, body and data from its method", () => {
    const enter: EndpointSpec = {
      path: "/enter",
      methods: ["POST"],
      calls: "Notes.enter",
      changesState: true,
    };
    const [saving, entering] = models({ save: SAVE, enter });
    expect(saving).toMatchObject({
      summary: "Save a note.",
      changesState: true,
      needsSession: true,
      cookie: undefined,
      call: { returns: undefined },
    });
    expect(Object.keys(saving?.body?.properties ?? {})).toEqual(["text", "tags"]);
    expect(saving?.data).toBe(Saved);
    expect(entering).toMatchObject({ needsSession: false, cookie: "set", data: undefined });
    expect(entering?.body).toBe(Saved);
  });

  test("takes the client from the HTTP tier, which keeps the device, the end and the picture", () => {
    const Client = Type.Object({ address: text });
    const request = Type.Object({ sessionId, text, client: Type.Optional(Client) });
    const reply = Type.Object({
      sessionId,
      deviceId: Type.Optional(text),
      isOver: Type.Boolean(),
      picture: text,
      count: Type.Integer(),
    });
    const service = other(request, reply, { errors });
    const spec = { ...GET_OTHER, endsSession: "isOver", unusedPicture: "picture" };
    const endpoints = models({ get: spec }, [service]);
    const [get] = endpoints;
    expect(get).toMatchObject({ needsSession: true, needsClient: true, cookie: "set" });
    expect(Object.keys(get?.body?.properties ?? {})).toEqual(["text"]);
    expect(Object.keys(get?.data?.properties ?? {})).toEqual(["count"]);
    const emitted = emitEndpoints(endpoints);
    for (const part of [
      'Type.Omit(otherSchema.Note, ["sessionId","client"])',
      "needsClient: true",
      'data: (reply) => ({ "count": reply.count })',
      "newDevice: (reply) => reply.deviceId",
      "endsSession: (reply) => reply.isOver",
      "unusedPicture: (reply) => reply.picture",
    ]) {
      expect(emitted).toContain(part);
    }
    for (const shown of [emitOpenApi(endpoints), emitBrowserClient(endpoints)]) {
      expect(shown).toContain("count");
      expect(shown).not.toMatch(/deviceId|isOver|sessionId|"client"|"picture"|data\.picture/);
    }
  });

  test("says nothing of the browser to a method that does not ask", () => {
    const emitted = emitEndpoints(models({ save: { ...SAVE, endsSession: true } }));
    expect(emitted).toContain("needsClient: false");
    expect(emitted).toContain("endsSession: () => true");
    expect(emitted).not.toMatch(/newDevice:|unusedPicture:/);
  });

  test.each<[string, TObject, TObject, object, string]>([
    ["a client that is required", Type.Object({ client: Saved }), Saved, {}, "its client must be"],
    [
      "a client that is a text",
      Type.Object({ client: Type.Optional(text) }),
      Saved,
      {},
      "its client",
    ],
    [
      "a device that is required",
      Saved,
      Type.Object({ deviceId: text }),
      {},
      "its deviceId must be",
    ],
    ["an end that is no boolean", Saved, Saved, { endsSession: "id" }, "the session if id, which"],
    ["an end that is not there", Saved, Saved, { endsSession: "over" }, "if over, which must be a"],
    ["a picture that is no text", Saved, Saved, { unusedPicture: "id" }, "the picture is in id,"],
  ])("is refused with %s", (_, request, reply, more, why) => {
    const spec = { ...GET_OTHER, ...more };
    expect(() => models({ get: spec }, [other(request, reply)])).toThrow(why);
  });

  test("may answer with one field of the reply", () => {
    const [saving] = models({ save: { ...SAVE, returns: "id" } });
    expect(saving?.data).toBe(Saved.properties.id);
    expect(saving?.call?.returns).toBe("id");
  });

  test.each<[string, EndpointSpec, string]>([
    ["no method", { ...SAVE, calls: "Notes.sav" }, "no method Notes.sav, perhaps Notes.save?"],
    ["a GET with fields", { ...SAVE, methods: ["GET"] }, "text, tags can only be in the body"],
    ["no field", { ...SAVE, returns: "colour" }, "it returns colour, which must be a required"],
    [
      "an optional field",
      { ...SAVE, returns: "before" },
      "it returns before, which must be a required",
    ],
    [
      "the session's field",
      { ...SAVE, calls: "Notes.enter", returns: "sessionId" },
      "it returns sessionId, which must",
    ],
    ["what no object lacks", { ...SAVE, returns: "toString" }, "it returns toString, which must"],
    ["a path without a slash", { ...SAVE, path: "notes" }, "notes is no path like /api"],
    ["a field of its path", { ...SAVE, path: "/notes/:text" }, "nothing of /notes/:text would"],
    ["no HTTP method", { ...SAVE, methods: [] }, "its methods are none, must be GET or POST"],
    ["a session without its error", { ...SHOW, session: true }, "so InvalidSessionError must be"],
  ])("is refused if it names %s", (_, spec, why) => {
    expect(() => models({ save: spec })).toThrow(SchemaError);
    expect(() => models({ save: spec })).toThrow(why);
  });

  test("says itself whether it changes state: that does not follow from idempotent", () => {
    const put = { idempotent: true };
    const service = other(Note, Saved, { errors, ...put });
    const [writing] = models({ get: GET_OTHER }, [service]);
    expect(writing).toMatchObject({ changesState: true, call: { method: put } });
    expect(emitEndpoints([writing].flatMap((each) => each ?? []))).toContain("changesState: true");
    const [reading] = models({ get: { ...GET_OTHER, changesState: false } }, [service]);
    expect(reading).toMatchObject({ changesState: false });
  });

  test.each([SAVE, SHOW])("is refused if it does not say whether it changes state", (spec) => {
    const { changesState: _, ...silent } = spec;
    const api = JSON.parse(JSON.stringify({ save: silent }));
    expect(() => models(api)).toThrow("it must say whether it changes state");
  });

  test("is refused as a read if its method is not idempotent", () => {
    expect(() => models({ save: { ...SAVE, changesState: false } })).toThrow(
      "save is not idempotent, so it must say `changesState: true`",
    );
  });

  test("is refused if its method is not for the HTTP tier", () => {
    const serving = (callers: string[]) => other(Note, Saved, { errors, callers });
    expect(() => models({ get: GET_OTHER }, [serving(["admin", "batch"])])).toThrow(
      'get is for admin, batch, and the HTTP tier is "http"',
    );
    expect(() => models({ get: GET_OTHER }, [serving(["admin", "http"])])).not.toThrow();
  });

  test("documents 429 if it calls a method", () => {
    const responsesOf = (api: HttpApi) => {
      const { paths } = JSON.parse(emitOpenApi(models(api)));
      return Object.keys((paths["/notes"].post ?? paths["/notes"].get).responses);
    };
    expect(responsesOf({ save: SAVE })).toContain("429");
    expect(responsesOf({ show: SHOW })).not.toContain("429");
  });

  test("is refused if its name is no identifier", () => {
    expect(() => models({ "sign-up": SAVE })).toThrow("its name must be one like signIn");
  });

  test("is refused if another has its URL, but not with another HTTP method", () => {
    expect(() => models({ save: SAVE, again: SAVE })).toThrow(
      "Cannot route again at POST /notes: save is there",
    );
    expect(() => models({ save: SAVE, show: SHOW })).not.toThrow();
  });

  test.each<[string, TObject, TObject]>([
    ["optional in the request", Type.Object({ sessionId: Type.Optional(text) }), Note],
    ["bounded in the request", Type.Object({ sessionId: Type.String({ minLength: 9 }) }), Note],
    ["optional in the reply", Saved, Type.Object({ sessionId: Type.Optional(text) })],
    ["null in the reply", Saved, Type.Object({ sessionId: Type.Union([text, Type.Null()]) })],
  ])("is refused if the sessionId is %s: a cookie cannot be", (_, request, reply) => {
    const service = other(request, reply, { errors });
    expect(() => models({ get: GET_OTHER }, [service])).toThrow(
      "its sessionId must be a Type.String, required and free",
    );
  });

  test("is refused if a field of its body is no identifier", () => {
    const service = other(Type.Object({ "not-a-name": text }), Note);
    expect(() => models({ get: GET_OTHER }, [service])).toThrow('"not-a-name" is no name');
  });
});

describe("the emitted code of an endpoint", () => {
  test("in OpenAPI has messages by reference, and examples made from those of the fields", () => {
    const show = { ...SHOW, path: "/notes/:name" };
    const document = JSON.parse(emitOpenApi(models({ save: SAVE, show })));
    const { requestBody, responses } = document.paths["/notes"].post;
    expect(document.paths["/notes/{name}"].get.parameters).toEqual([
      { name: "name", in: "path", required: true, schema: { type: "string" } },
    ]);
    expect(requestBody.content["application/json"]).toMatchObject({
      schema: { required: ["text"], properties: { text: { type: "string" } } },
      example: { text: "Milk" },
    });
    const { schema } = responses[200].content["application/json"];
    expect(schema.properties.data).toEqual({ $ref: "#/components/schemas/Saved" });
    const { Saved: saved, Note: note } = document.components.schemas;
    expect(saved.properties.note).toEqual({ $ref: "#/components/schemas/Note" });
    expect(saved.properties.before).toEqual({ $ref: "#/components/schemas/Note" });
    expect(note.properties.text).toEqual({ type: "string", examples: ["Milk"] });
  });

  test("in OpenAPI tells apart messages of one name, and errors from messages", () => {
    const PasswordError = Type.Object({ why: Type.String() });
    const service = other(Type.Object({ colour: Type.String() }), PasswordError);
    const messages = service.messages.map(({ name, schema }) => {
      return { name: schema === PasswordError ? "PasswordError" : name, schema };
    });
    const methods = service.methods.map((method) => ({ ...method, reply: "PasswordError" }));
    const services = [notes, { ...service, messages, methods }];
    const endpoints = models({ save: SAVE, get: GET_OTHER }, services);
    const { paths, components } = JSON.parse(emitOpenApi(endpoints));
    const { schema } = paths["/other"].post.requestBody.content["application/json"];
    expect(schema).toEqual({ $ref: "#/components/schemas/Other.Note" });
    expect(components.schemas["Notes.Note"].properties.text).toBeDefined();
    expect(components.schemas["Other.PasswordError"].properties.why).toBeDefined();
    expect(components.schemas.PasswordError.properties.errCode).toEqual({ const: "5" });
    const emitted = emitEndpoints(endpoints);
    expect(emitted).toContain("clients.notes.save(request, options)");
    expect(emitted).toContain("clients.other.get(request, options)");
    expect(emitted).toContain("body: other.Note");
  });

  test("in OpenAPI has a form only if a form can hold the body", () => {
    const types = (request: TObject): string[] => {
      const service = other(request, Type.Object({}));
      const { paths } = JSON.parse(emitOpenApi(models({ get: GET_OTHER }, [service])));
      return Object.keys(paths["/other"].post.requestBody.content);
    };
    expect(types(Type.Object({ text }))).toEqual([
      "application/json",
      "application/x-www-form-urlencoded",
    ]);
    expect(types(Type.Object({ count: Type.Integer() }))).toEqual(["application/json"]);
  });

  test("for the browser checks answers of every kind", () => {
    const text = emitBrowserClient(models({ save: SAVE }));
    expect(text).toContain("@property {readonly (string)[]} [tags]");
    expect(text).toContain('typeof data.id === "number"');
    expect(text).toContain('typeof data.note.text === "string"');
    expect(text).toContain(
      "(data.note.tags === undefined || Array.isArray(data.note.tags) && " +
        'data.note.tags.every((item) => typeof item === "string"))',
    );
  });
});
