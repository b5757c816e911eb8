/** Why a change is refused. `README.md` has the same table, and a test compares the two. */
export interface Rule {
  readonly refused: string;
  readonly why: string;
  readonly instead: string;
}

/** The changes that break existing clients. */
export const RULES = {
  "number-changed": {
    refused: "a method gets another number",
    why: "existing clients call the old number, which no method answers",
    instead: "give it back its old number",
  },
  "number-reused": {
    refused: "a number goes to another method, or its method is renamed",
    why: "existing clients would reach a method that they did not mean",
    instead: "take a number that was never used, and keep the old method",
  },
  "method-removed": {
    refused: "a method is removed",
    why: "existing clients still call it",
    instead: "keep it, and name its replacement in its summary",
  },
  "idempotency-lost": {
    refused: "a method is no longer idempotent",
    why: "existing clients retry it if an answer is lost",
    instead: "add a method for what must not happen twice",
  },
  "error-added": {
    refused: "a method declares one more error",
    why: "existing clients take an unknown error for a broken server",
    instead: "answer with an error that is declared already, or add a method that declares it",
  },
  "caller-removed": {
    refused: "a method is no longer for a caller",
    why: "existing clients of that caller still call it",
    instead: "keep the caller, or add a method for the other callers",
  },
  "type-changed": {
    refused: "a field gets another type",
    why: "one side refuses what the other sends",
    instead: "add an optional field of the new type, and keep the old field",
  },
  "request-field-required": {
    refused: "a request gets a required field, or an optional field becomes required",
    why: "existing clients do not send it",
    instead: "make it optional, and let the handler work without it",
  },
  "request-field-removed": {
    refused: "a request loses a field",
    why: "the server would silently ignore what existing clients send in it",
    instead: "make it optional, and keep using it",
  },
  "request-union-narrowed": {
    refused: "a union in a request loses a member",
    why: "existing clients still send it, and would be refused",
    instead: "keep it, and keep using it",
  },
  "request-tightened": {
    refused: "a bound, format or pattern in a request is new or stricter",
    why: "the server would refuse what existing clients send",
    instead: "answer values outside it with a declared error, or add a method that is stricter",
  },
  "reply-field-removed": {
    refused: "a reply loses a field",
    why: "existing clients read it",
    instead: "keep sending it",
  },
  "reply-field-optional": {
    refused: "a required field of a reply becomes optional",
    why: "existing clients refuse a reply without it",
    instead: "keep sending it, and add a field that says when it has no meaning",
  },
  "reply-union-narrowed": {
    refused: "a union in a reply loses a member",
    why: "existing clients may wait for a value that never comes",
    instead: "keep it, and say in its description when it is sent",
  },
  "reply-union-widened": {
    refused: "a union in a reply gets a member",
    why: "existing clients refuse a reply with an unknown member",
    instead: "put it into a new field, or add a method whose reply has it",
  },
  "reply-loosened": {
    refused: "a bound, format or pattern in a reply is removed or less strict",
    why: "existing clients refuse a reply outside it",
    instead: "stay within it, and put the rest into a new field",
  },
  "endpoint-removed": {
    refused: "a URL of the HTTP API is removed, or loses an HTTP method",
    why: "existing clients still request it",
    instead: "keep it, and add the new URL",
  },
  "endpoint-changed": {
    refused: "a URL of the HTTP API is answered by another method, or with another field",
    why: "existing clients would get data that they did not request",
    instead: "take a URL that was never used, and keep this one as it is",
  },
  "error-changed": {
    refused: "an error is removed, or gets another code or status",
    why: "existing clients tell errors apart by code and status",
    instead: "leave it as it is, and add an error",
  },
} as const satisfies Record<string, Rule>;

export type RuleName = keyof typeof RULES;
