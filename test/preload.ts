import { setDefaultTimeout } from "bun:test";

// Real servers on a shared machine: a limit is there to end a hang, not to judge speed.
setDefaultTimeout(30_000);
