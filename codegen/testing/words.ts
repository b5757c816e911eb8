// A service for the tests of contract changes: Words, whose method 1 is count().
import { type TSchema, Type } from "@sinclair/typebox";
import { contract, type MethodSpec } from "../../schema/contract.ts";
import { type Lock, lockOf } from "../lock.ts";
import { type ServiceModel, serviceModel } from "../model.ts";

/** The part of a method that a test declares. The rest has defaults. */
export type Declared = Partial<MethodSpec>;

/** @param messages exported, so that fields can have their types */
export function words(
  methods: Readonly<Record<string, Declared>>,
  messages: Readonly<Record<string, TSchema>> = {},
): ServiceModel {
  const exports: Record<string, unknown> = { ...messages };
  const specs = Object.entries(methods).map(([name, declared]): [string, MethodSpec] => {
    const request = declared.request ?? Type.Object({ text: Type.String() });
    const reply = declared.reply ?? Type.Object({ count: Type.Integer() });
    exports[`${name}Request`] = request;
    exports[`${name}Reply`] = reply;
    return [name, { number: 1, summary: "Say it.", errors: [], ...declared, request, reply }];
  });
  const declared = contract("Words", Object.fromEntries(specs));
  return serviceModel("schema/words.ts", { ...exports, WordsContract: declared });
}

/** The lock after Words was first published. */
export function wordsLock(...parameters: Parameters<typeof words>): Lock {
  return lockOf([words(...parameters)]);
}
