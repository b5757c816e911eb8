import type { CallContext } from "../method.ts";
import { eventually, type Text } from "./stack.ts";

/** A handler whose calls wait until the test lets them go, by their text. */
export class Gate {
  /** The texts of all calls, in the order in which they began. */
  readonly started: string[] = [];
  /** The texts of the calls whose caller has given up. */
  readonly aborted: string[] = [];
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();

  readonly handler = async ({ text }: Text, { signal }: CallContext): Promise<Text> => {
    this.started.push(text);
    signal.addEventListener("abort", () => this.aborted.push(text));
    const gate = Promise.withResolvers<void>();
    this.#waiting.set(text, gate);
    await gate.promise;
    return { text };
  };

  async hasStarted(text: string): Promise<void> {
    await eventually(() => this.started.includes(text));
  }

  async letGo(...texts: string[]): Promise<void> {
    for (const text of texts) {
      await this.hasStarted(text);
      this.#waiting.get(text)?.resolve();
    }
  }

  async fail(...texts: string[]): Promise<void> {
    for (const text of texts) {
      await this.hasStarted(text);
      this.#waiting.get(text)?.reject(new Error(`"${text}" fails on purpose`));
    }
  }
}
