import { assert } from "@std/assert";
import { tapTest } from "../support/tap.ts";
import { clientCommand, STACK, startTaproom, tapConfig } from "../support/taproom.ts";

/** CPU time of a process so far, in milliseconds (utime and stime of /proc/PID/stat). */
async function cpuTime(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The name of the program, field 2, may contain spaces: fields are counted after it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const TICKS_PER_SECOND = 100;
  return (Number(fields[11]) + Number(fields[12])) * 1000 / TICKS_PER_SECOND;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

for (const [count, queues] of [[0, 1], [1_000, 1], [100, 2]] as const) {
  const name = `${count} open connections${queues > 1 ? `, ${queues} queues` : ""}`;
  tapTest(`no traffic, no CPU: ${name}`, [], async (ns) => {
    const taproom = await startTaproom(ns, {
      config: tapConfig([{ port: 80, module: "http" }]),
      flags: ["--parallel", String(queues)],
    });
    if (count > 0) {
      const client = ns.spawn(clientCommand("hold", [STACK, 80, count]));
      await client.stdout.match(/open/);
    }
    // What a start or a burst leaves for later (compilation, garbage, and after 5 s the rest that idle
    // connections go to) is done by then.
    await pause(7_000);
    const before = await cpuTime(taproom.pid);
    await pause(10_000);
    const used = await cpuTime(taproom.pid) - before;
    assert(used < 10_000 * 0.5 / 100, `${used} ms of CPU in 10 s, more than 0.5 % of a core`);
  });
}
