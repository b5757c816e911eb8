import { describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { contract } from "../schema/contract.ts";
import type { EndpointSpec, HttpApi } from "../schema/endpoint.ts";
import { emitBrowserClient } from "./emit-browser-client.ts";
import { emitOpenApi } from "./emit-openapi.ts";
import { type EndpointModel, endpointModels } from "./http-model.ts";
import { serviceModel } from "./model.ts";

const Note = Type.Object({
  sessionId: Type.String(),
  text: Type.String({ examples: ["Milk"] }),
  tags: Type.Optional(Type.Array(Type.String())),
});
const Saved = Type.Object({ id: Type.Integer({ examples: [7] }), note: Note });
const Session = Type.Object({ sessionId: Type.String() });
const NotesContract = contract("Notes", {
  save: { number: 1, summary: "Save a note.", request: Note, reply: Saved, errors: [] },
  enter: {
    number: 2,
    summary: "Begin.",
    request: Saved,
    reply: Session,
    errors: ["PasswordError"],
  },
});
const notes = serviceModel("schema/notes.ts", { Note, Saved, Session, NotesContract });

const SAVE: EndpointSpec = { path: "/notes", methods: ["POST"], calls: "Notes.save" };

function models(api: HttpApi): readonly EndpointModel[] {
  return endpointModels(api, [notes]);
}

describe("an endpoint", () => {
  test("takes from its method what it needs and answers", () => {
    const enter: EndpointSpec = { path: "/enter", methods: ["POST"], calls: "Notes.enter" };
    const [saving, entering] = models({ save: SAVE, enter });
    expect(saving).toMatchObject({
      summary: "Save a note.",
      isChanging: true,
      needsSession: true,
      cookie: undefined,
      call: { returns: { reply: ["id", "note"] } },
    });
    expect(Object.keys(saving?.body?.properties ?? {})).toEqual(["text", "tags"]);
    expect(saving?.data).toBe(Saved);
    expect(entering).toMatchObject({ needsSession: false, cookie: "set", data: undefined });
    expect(entering?.body).toBe(Saved);
  });

  test("may answer with a field of its request", () => {
    const [saving] = models({ save: { ...SAVE, returns: "text" } });
    expect(saving?.data).toBe(Note.properties.text);
    expect(saving?.call?.returns).toEqual({ request: "text" });
  });

  test.each<[string, EndpointSpec, string]>([
    ["no method", { ...SAVE, calls: "Notes.burn" }, "there is no method Notes.burn"],
    ["a GET with fields", { ...SAVE, methods: ["GET"] }, "text, tags can only be in the body"],
    ["no field", { ...SAVE, returns: "colour" }, "Note has no such field"],
  ])("is refused where it names %s", (_, spec, why) => {
    expect(() => models({ save: spec })).toThrow(why);
  });

  test("is refused where another one is at its URL, but not for another HTTP method", () => {
    expect(() => models({ save: SAVE, again: SAVE })).toThrow(
      "Cannot route again at POST /notes: save is there",
    );
    const show: EndpointSpec = {
      path: SAVE.path,
      methods: ["GET"],
      summary: "Show notes.",
      errors: [],
    };
    expect(() => models({ save: SAVE, show })).not.toThrow();
  });
});

describe("what is emitted of an endpoint", () => {
  test("in OpenAPI has messages by reference and examples made of those of the fields", () => {
    const document = JSON.parse(emitOpenApi(models({ save: { ...SAVE, path: "/notes/:name" } })));
    const { parameters, requestBody, responses } = document.paths["/notes/{name}"].post;
    expect(parameters).toEqual([
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
    expect(note.properties.text).toEqual({ type: "string", examples: ["Milk"] });
  });

  test("for the browser checks what comes, every kind of it", () => {
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
