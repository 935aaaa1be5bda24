// Taproom as a library, for tests of what only a library shows.
//
//   parallel.ts CONFIG BASE
//
// Prints "ready"; at each line of standard input the counters; at its end how a drain ended.

import { parseConfig, start } from "../../../mod.ts";
import { print } from "../clients/output.ts";

const [config, base] = Deno.args as [string, string];
const runtime = await start(parseConfig(JSON.parse(config)), { base: new URL(base) });
print("ready");
let number = 0;
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  for (let line = 1; line < text.split("\n").length; line++) {
    print(`${++number} ${JSON.stringify(runtime.counters())}`);
  }
}
print(JSON.stringify(await runtime.drain()));
