import { Type } from "@sinclair/typebox";

/** A time in a reply. */
export const Time = (description: string) =>
  Type.String({
    description: `${description}, ISO 8601 in UTC.`,
    examples: ["2026-12-09T08:15:00.000Z"],
  });
