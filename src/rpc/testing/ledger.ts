import type { InterceptedCall, Interceptor } from "../interceptor.ts";

/** Keeps an account of calls as an interceptor sees them: what began, and how often it ended. */
export class Ledger {
  begun = 0;
  ended = 0;
  /** How many calls ended with what. */
  readonly outcomes: Record<string, number> = {};
  /** Calls that ended more than once, which is a defect. */
  readonly endedAgain: string[] = [];

  readonly interceptor: Interceptor = ({ requestId }: InterceptedCall) => {
    let hasEnded = false;
    this.begun++;
    return (outcome) => {
      if (hasEnded) this.endedAgain.push(requestId);
      hasEnded = true;
      this.ended++;
      this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1;
    };
  };
}
