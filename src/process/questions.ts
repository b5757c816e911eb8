// What a parent asks and tells its tiers, over the channel between the processes.

export type Question = "metrics" | "readiness" | "reload";

/** A tier that hangs must not delay the answer of its parent. */
const MAX_ANSWER_MS = 1000;

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** In the parent: the questions to one tier that wait for an answer. */
export class Questions {
  readonly #send: (message: object) => void;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #hasEnded = false;

  /** @param send may throw if the tier has ended */
  constructor(send: (message: object) => void) {
    this.#send = send;
  }

  /**
   * @param about what the question is about, if it needs more
   * @throws {Error} the tier cannot answer, has ended, or did not answer within a second
   */
  async ask(question: Question, about?: object): Promise<unknown> {
    if (this.#hasEnded) throw ended();
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { resolve, reject });
    const timer = setTimeout(() => {
      reject(new Error(`did not answer within ${MAX_ANSWER_MS / 1000} s`));
    }, MAX_ANSWER_MS);
    try {
      this.#send({ question, id, about });
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  /** A message of the tier has come. */
  heard(message: unknown): void {
    if (!isAnswer(message)) return;
    const { id, error, answer } = message;
    if (typeof error === "string") this.#waiting.get(id)?.reject(new Error(error));
    else this.#waiting.get(id)?.resolve(answer);
  }

  /** The tier has ended. */
  end(): void {
    this.#hasEnded = true;
    for (const { reject } of this.#waiting.values()) reject(ended());
  }
}

type Answers = Readonly<Record<Question, (about: unknown) => Promise<unknown>>>;

/** In a tier: answer the questions of the parent, if there is one. */
export function answerQuestions(answers: Answers): void {
  process.on("message", async (message: unknown) => {
    if (!isQuestion(message)) return;
    const { question, id, about } = message;
    const reply = await answers[question](about).then(
      (answer) => ({ id, answer }),
      (error: unknown) => ({ id, error: error instanceof Error ? error.message : String(error) }),
    );
    if (process.connected) process.send?.(reply);
  });
}

function ended(): Error {
  return new Error("has ended");
}

const QUESTIONS: readonly Question[] = ["metrics", "readiness", "reload"];

interface Asked {
  readonly question: Question;
  readonly id: number;
  readonly about?: unknown;
}

function isQuestion(message: unknown): message is Asked {
  if (!isObject(message) || typeof message.id !== "number") return false;
  return QUESTIONS.some((question) => question === message.question);
}

function isAnswer(message: unknown): message is { id: number; answer?: unknown; error?: unknown } {
  return (
    isObject(message) &&
    typeof message.id === "number" &&
    ("answer" in message || "error" in message)
  );
}

function isObject(message: unknown): message is Record<string, unknown> {
  return typeof message === "object" && message !== null;
}
