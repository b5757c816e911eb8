import { type Role, ShapeComparison } from "./compare-shapes.ts";
import type { Lock, LockedMethod, Shape } from "./lock.ts";
import { RULES, type RuleName } from "./rules.ts";

export interface BreakingChange {
  /** The number of the published method; undefined for a change of the HTTP API alone. */
  readonly number: string | undefined;
  readonly rule: RuleName;
  /** One line: the refused change, the reason, and the remedy. */
  readonly message: string;
}

const ADVICE =
  "To break them on purpose: `bun run codegen --accept-breaking`. To take back a change that was " +
  "recorded and never released: `git restore --source=RELEASE codegen/contract.lock.json`, with " +
  "the commit of the last release as RELEASE, then run codegen again.";

const ROLES = ["request", "reply"] as const satisfies Role[];
const NO_FIELDS: Shape = { type: "object", properties: {} };

/** The message for the developer whose change is refused. */
export function refusal(changes: readonly BreakingChange[]): string {
  return [...changes.map(({ message }) => message), ADVICE].join("\n");
}

/** Every change that breaks a client of `before` if its server is of `after`. */
export function breakingChanges(before: Lock, after: Lock): BreakingChange[] {
  return [
    ...methodChanges(before, after),
    ...reusedNumbers(before, after),
    ...endpointChanges(before, after),
    ...errorChanges(before, after),
  ];
}

function methodChanges(before: Lock, after: Lock): BreakingChange[] {
  const numbers = new Map(
    Object.entries(after.methods).map(([number, { name }]) => [name, number]),
  );
  return Object.entries(before.methods).flatMap(([number, was]) => {
    const is = after.methods[number];
    const itsNumber = numbers.get(was.name);
    if (itsNumber !== undefined && itsNumber !== number) {
      const what = `its number went from ${number} to ${itsNumber}`;
      return [change(number, "number-changed", was.name, what)];
    }
    if (!is) return [change(number, "method-removed", was.name, "it was removed")];
    if (is.name !== was.name) return [reused(number, is.name, was.name)];
    return changesWithin(number, was, is, before, after);
  });
}

function changesWithin(
  number: string,
  was: LockedMethod,
  is: LockedMethod,
  before: Lock,
  after: Lock,
): BreakingChange[] {
  const found: { rule: RuleName; what: string }[] = [];
  if (was.idempotent && !is.idempotent) {
    found.push({ rule: "idempotency-lost", what: "it is no longer idempotent" });
  }
  for (const error of is.errors) {
    if (!was.errors.includes(error)) {
      found.push({ rule: "error-added", what: `it may answer with ${error}` });
    }
  }
  if (is.callers) {
    const lost = was.callers?.filter((caller) => !is.callers?.includes(caller));
    if (!lost)
      found.push({ rule: "caller-removed", what: `only ${is.callers.join(", ")} may call it` });
    for (const caller of lost ?? []) {
      found.push({ rule: "caller-removed", what: `it is no longer for ${caller}` });
    }
  }
  for (const role of ROLES) {
    const comparison = new ShapeComparison(role, before.messages, after.messages);
    found.push(...comparison.differences({ $ref: was[role] }, { $ref: is[role] }));
  }
  return found.map(({ rule, what }) => change(number, rule, is.name, what));
}

/** Numbers of removed methods that another method now uses. */
function reusedNumbers(before: Lock, after: Lock): BreakingChange[] {
  return Object.entries(after.methods).flatMap(([number, { name }]) => {
    const holder = before.methods[number] ? undefined : before.retired[number];
    // The same method may come back. Its hash shows whether old clients can still call the method.
    return holder === undefined || holder === name ? [] : [reused(number, name, holder)];
  });
}

function endpointChanges(before: Lock, after: Lock): BreakingChange[] {
  return Object.entries(before.endpoints).flatMap(([url, was]) => {
    const is = after.endpoints[url];
    if (!is) return [change(undefined, "endpoint-removed", url, "it was removed")];
    if (is.answeredBy !== was.answeredBy || is.returns !== was.returns) {
      const [old, now] = [was, is].map(({ answeredBy, returns }) =>
        returns ? `${answeredBy} with its ${returns}` : answeredBy,
      );
      const what = `it was answered by ${old} and is by ${now}`;
      return [change(undefined, "endpoint-changed", url, what)];
    }
    const shapes = { request: [was.form, is.form], reply: [was.data, is.data] } as const;
    return ROLES.flatMap((role) => {
      const [old = NO_FIELDS, now = NO_FIELDS] = shapes[role];
      return new ShapeComparison(role, before.messages, after.messages)
        .differences(old, now)
        .map(({ rule, what }) => change(undefined, rule, url, what));
    });
  });
}

function errorChanges(before: Lock, after: Lock): BreakingChange[] {
  return Object.entries(before.errors).flatMap(([name, was]) => {
    const is = after.errors[name];
    if (is?.code === was.code && is.status === was.status) return [];
    const now = is ? `is ${is.code} with ${is.status}` : "was removed";
    const what = `it was ${was.code} with ${was.status} and ${now}`;
    return [change(undefined, "error-changed", name, what)];
  });
}

function reused(number: string, name: string, holder: string): BreakingChange {
  return change(number, "number-reused", name, `its number ${number} was that of ${holder}`);
}

function change(
  number: string | undefined,
  rule: RuleName,
  name: string,
  what: string,
): BreakingChange {
  const { why, instead } = RULES[rule];
  const message = `Cannot change ${name}: ${what} (${rule}); ${why}. Instead: ${instead}.`;
  return { number, rule, message };
}
