import type { InterceptedCall, Interceptor } from "../interceptor.ts";

/** Counts calls as an interceptor sees them: how many began, and how they ended. */
export class Ledger {
  begun = 0;
  ended = 0;
  /** How many calls ended with each outcome. */
  readonly outcomes: Record<string, number> = {};
  /** Request ids of calls that ended more than once, which is a bug. */
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
