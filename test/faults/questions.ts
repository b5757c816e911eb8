import type { Answer } from "../contract/client.ts";

const MAX_FINDINGS = 5;
/** The answers that a correct call may get while a server is away. */
const TROUBLE: readonly string[] = ["0", "1"];
/** Pause after such an answer. */
const TROUBLE_PAUSE_MS = 20;

/** Requests whose answers are counted and must be of the table, and what was found wrong. */
export class Questions {
  /** The number of each answer, as in `{"7 200": 512}`. */
  readonly answers: Record<string, number> = {};
  readonly findings: string[] = [];
  #isOver = false;

  get isOver(): boolean {
    return this.#isOver || this.findings.length > 0;
  }

  stop(): void {
    this.#isOver = true;
  }

  find(what: string): void {
    if (this.findings.length < MAX_FINDINGS) this.findings.push(what);
  }

  /**
   * @param expected the codes that a correct call may get, besides "7" and those of trouble
   * @returns the code; undefined if the outcome is unknown
   */
  async ask(
    ask: () => Promise<Answer>,
    ...expected: readonly string[]
  ): Promise<Answer | undefined> {
    try {
      const answer = await ask();
      const key = `${answer.code} ${answer.status}`;
      this.answers[key] = (this.answers[key] ?? 0) + 1;
      if (answer.code === "7" || expected.includes(answer.code)) return answer;
      if (!TROUBLE.includes(answer.code)) this.find(`a right call is answered with ${key}`);
    } catch (error) {
      this.find(`an answer is not of the table: ${error}`);
    }
    await Bun.sleep(TROUBLE_PAUSE_MS);
    return undefined;
  }
}
