import { Type } from "@sinclair/typebox";
import { Time } from "./time.ts";

export const CountedFailures = Type.Object(
  {
    reason: Type.String({
      description: "What is counted together, as in audit lines.",
      examples: ["network"],
    }),
    network: Type.Optional(
      Type.String({
        description: "Of `network`, `reserve` and `site_reserve`: where the failures come from.",
        examples: ["203.0.113.0/24"],
      }),
    ),
    failures: Type.Integer({
      minimum: 1,
      description: "How many count now. They are forgotten one by one.",
    }),
    refusedUntil: Type.Union([Time("When the next attempt is allowed"), Type.Null()], {
      description: "When the next attempt is allowed, ISO 8601 in UTC; null if it is allowed now.",
    }),
  },
  { description: "A count of failures to sign in to an account." },
);
