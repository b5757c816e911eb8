/** Why a change is refused; `README.md` has the same table, and a test holds one to the other. */
export interface Rule {
  readonly refused: string;
  readonly why: string;
  readonly instead: string;
}

/** What breaks a client that is out there. */
export const RULES = {
  "number-changed": {
    refused: "a method gets another number",
    why: "clients out there call the old one, which nobody answers",
    instead: "give it its old number back",
  },
  "number-reused": {
    refused: "a number goes to another method, or to one of another name",
    why: "clients out there would reach a method that they did not mean",
    instead: "take a number that was never used, and keep the old method beside the new one",
  },
  "method-removed": {
    refused: "a method is removed",
    why: "clients out there still call it",
    instead: "keep it, and say in its summary what to call now",
  },
  "idempotency-lost": {
    refused: "a method is no longer idempotent",
    why: "clients out there send it again where an answer is lost",
    instead: "add a method for what must not happen twice",
  },
  "error-added": {
    refused: "a method may answer with one more error",
    why: "clients out there take an error that they do not know for a broken server",
    instead: "answer with an error that is declared already, or add a method that declares it",
  },
  "type-changed": {
    refused: "a field gets another type",
    why: "one side refuses what the other sends",
    instead: "add an optional field of the new type, and keep the old one",
  },
  "request-field-required": {
    refused: "a request gets a required field, or an optional one becomes required",
    why: "clients out there do not send it",
    instead: "make it optional, and let the handler do without",
  },
  "request-field-removed": {
    refused: "a request loses a field",
    why: "what clients out there say in it would be ignored without a word",
    instead: "make it optional, and go on heeding it",
  },
  "request-union-narrowed": {
    refused: "a union in a request loses a member",
    why: "clients out there still send it, and are refused",
    instead: "keep it, and go on heeding it",
  },
  "request-tightened": {
    refused: "a bound, format or pattern in a request is new or stricter",
    why: "what clients out there send is refused",
    instead: "answer what goes beyond it with a declared error, or add a method that is stricter",
  },
  "reply-field-removed": {
    refused: "a reply loses a field",
    why: "clients out there read it",
    instead: "go on sending it",
  },
  "reply-field-optional": {
    refused: "a required field of a reply becomes optional",
    why: "clients out there refuse a reply without it",
    instead: "go on sending it, and add a field that says when it means nothing",
  },
  "reply-union-narrowed": {
    refused: "a union in a reply loses a member",
    why: "clients out there may wait for what never comes any more",
    instead: "keep it, and say in its description when it comes",
  },
  "reply-union-widened": {
    refused: "a union in a reply gets a member",
    why: "clients out there refuse a reply with what they do not know",
    instead: "say it in a new field, or add a method whose reply has it",
  },
  "reply-loosened": {
    refused: "a bound, format or pattern in a reply is dropped or looser",
    why: "clients out there refuse a reply that goes beyond it",
    instead: "keep within it, and say the rest in a new field",
  },
  "endpoint-removed": {
    refused: "a URL of the HTTP API is removed, or takes an HTTP method no more",
    why: "clients out there still ask for it",
    instead: "keep it beside the new one",
  },
  "endpoint-changed": {
    refused: "a URL of the HTTP API is answered by another method, or with another field",
    why: "clients out there would get what they did not ask for",
    instead: "take a URL that was never used, and keep this one as it is",
  },
  "error-changed": {
    refused: "an error is removed, or gets another code or status",
    why: "clients out there tell errors apart by them",
    instead: "leave it as it is, and add an error",
  },
} as const satisfies Record<string, Rule>;

export type RuleName = keyof typeof RULES;
