// Serves one contender, and sends the port to its parent process.

import { contenderOf } from "./contenders.ts";

const { port } = await contenderOf(process.argv[2]).serve();
process.send?.({ port });
process.on("disconnect", () => process.exit(0));
