// Several queues, each with a Worker of its own.

import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { pathToFileURL } from "node:url";
import type { Counters } from "../../mod.ts";
import { Capture } from "../support/capture.ts";
import { Directory } from "../support/directory.ts";
import type { Namespace } from "../support/namespace.ts";
import type { Process } from "../support/process.ts";
import { tapTest } from "../support/tap.ts";
import {
  clientCommand,
  HOST,
  projectFile,
  spawnTaproom,
  STACK,
  startTaproom,
  tapConfig,
} from "../support/taproom.ts";

/** Longer than the kernel remembers where a flow was written to: 3 s. */
const SILENCE = 5_000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Answers each line with a name of the module's own: there is one module per Worker. */
const WHO = `const name = crypto.randomUUID();
const encoder = new TextEncoder();
export default {
  async flow(flow) {
    const buffer = new Uint8Array(256);
    for (let length; (length = await flow.read(buffer)) !== null;) {
      const line = new TextDecoder().decode(buffer.subarray(0, length));
      if (line.includes("die")) Deno.exit(3);
      if (line.includes("clock")) {
        performance.now = () => {
          throw new Error("the clock is broken");
        };
      }
      await flow.write(encoder.encode(name + "\\n"));
    }
  },
};`;

/** Connects each flow to port 5000 of the host. */
const DIAL = `export default {
  async flow(flow, { connect }) {
    const other = await connect({ hostname: "${HOST}", port: 5000 });
    await other.readable.pipeTo(flow.writable);
  },
};`;

/** Says something at once, and again after a silence. */
const HESITANT = `for await (const conn of Deno.listen({ hostname: "${HOST}", port: 5000 })) {
  (async () => {
    await conn.write(new TextEncoder().encode("first "));
    await new Promise((resolve) => setTimeout(resolve, ${SILENCE}));
    await conn.write(new TextEncoder().encode("then "));
    conn.close();
  })().catch(() => {});
}`;

function config(listeners: object[], queues = 2): object {
  const config = tapConfig(listeners, { drainTimeout: 5 }, true) as {
    interfaces: { device: object }[];
  };
  const [one] = config.interfaces;
  return { ...config, interfaces: [{ ...one, device: { ...one!.device, queues } }] };
}

/** A client with open connections, whom one tells what to say. */
class Lines {
  #number = 0;

  private constructor(readonly process: Process) {}

  static async open(ns: Namespace, port: number, count: number): Promise<Lines> {
    const process = ns.spawn(clientCommand("lines", [STACK, port, count]), { stdin: "open" });
    await process.stdout.match(/open/);
    return new Lines(process);
  }

  /** Says a line on one connection, or on all; what they answer. */
  async say(where: number | "*", text: string): Promise<string[]> {
    await this.process.write(`${where} ${text}\n`);
    const answer = new RegExp(`^${++this.#number} (\\[.*\\])$`, "m");
    return JSON.parse((await this.process.stdout.match(answer))[1]!) as string[];
  }
}

tapTest("N Workers serve: connections spread, and each stays with its own, silent or not", [
  "ping",
  "capture",
], async (ns) => {
  await using directory = await Directory.create();
  await directory.write("who.ts", WHO);
  const taproom = await startTaproom(ns, {
    directory,
    config: config([{ port: 99, module: "./who.ts" }], 3),
  });
  const capture = await Capture.start(ns, directory.join("all.pcap"));
  const { stdout: pings } = await ns.run(["ping", "-c", "5", "-i", "0.2", STACK]);
  assertStringIncludes(pings, "5 packets transmitted, 5 received, 0% packet loss");

  const lines = await Lines.open(ns, 99, 60);
  const names = await lines.say("*", "who");
  assertEquals(new Set(names).size, 3);
  await pause(SILENCE);
  assertEquals(await lines.say("*", "who"), names);
  const packets = await capture.stop();
  assertEquals(await packets.list("tcp[13] & 4 != 0"), [], "resets");
  const asked = await packets.count(`arp[6:2] == 1 and arp dst host ${STACK} and arp src ${HOST}`);
  const answered = await packets.count(`arp[6:2] == 2 and arp src host ${STACK}`);
  assertEquals(answered, asked, "each question is answered once");

  const goodbyes = lines.say("*", "read");
  taproom.kill("SIGTERM");
  assertEquals(await goodbyes, names.map(() => "end"));
  const { code, stderr } = await taproom.result;
  assertEquals(code, 0, stderr);
  assertEquals(stderr.match(/^Taproom/gm)?.length, 1, "one banner");
  assertEquals(stderr.match(/draining/g)?.length, 1, stderr);
});

tapTest("connections that Workers open live, though the kernel's hash knows nothing of them", [
  "nc",
], async (ns) => {
  await using directory = await Directory.create();
  await directory.write("dial.ts", DIAL);
  await using library = await startLibrary(
    ns,
    directory,
    config([{ port: 100, module: "./dial.ts" }]),
  );
  const server = ns.spawn([Deno.execPath(), "eval", HESITANT]);
  await untilListening(ns);
  const lines = await Lines.open(ns, 100, 16);
  assertEquals(await lines.say("*", "read"), Array(16).fill("first then end"));
  const { tcp, arp } = await library.counters();
  assert(tcp.handedOver > 0, "some frames came on another queue");
  assertEquals([tcp.resetsSent, tcp.droppedHandOver, arp.resolutionsFailed], [0, 0, 0]);
  await server[Symbol.asyncDispose]();
});

tapTest(
  "a Worker that dies is replaced, and the connections of the others do not notice",
  [],
  async (ns) => {
    await using directory = await Directory.create();
    await directory.write("who.ts", WHO);
    const taproom = await startTaproom(ns, {
      directory,
      config: config([{ port: 99, module: "./who.ts" }]),
    });
    const lines = await Lines.open(ns, 99, 40);
    const names = await lines.say("*", "who");
    const victim = names[0]!;
    assertEquals(await lines.say(0, "die"), ["reset"]);
    await taproom.stderr.match(/a Worker has died.*worker=\d/);
    const after = await lines.say("*", "who");
    assertEquals(after, names.map((name) => name === victim ? "reset" : name));
    const again = await Lines.open(ns, 99, 40);
    const newNames = new Set(await again.say("*", "who"));
    assertEquals(newNames.size, 2);
    assert(!newNames.has(victim), "there is another Worker in its place");
    assert(newNames.has(names.find((name) => name !== victim)!), "the other is the same as before");
    taproom.kill();
    const { code, stderr } = await taproom.result;
    assertEquals(code, 0, stderr);
    assertEquals(stderr.match(/has died/g)?.length, 1, stderr);
  },
);

tapTest("a Worker whose stack fails is replaced, and the log says of what", [], async (ns) => {
  await using directory = await Directory.create();
  await directory.write("who.ts", WHO);
  const taproom = await startTaproom(ns, {
    directory,
    config: config([{ port: 99, module: "./who.ts" }]),
  });
  const lines = await Lines.open(ns, 99, 1);
  const [victim] = await lines.say(0, "who");
  assertEquals(await lines.say(0, "clock"), ["reset"]);
  await taproom.stderr.match(/a Worker has died.*error="Error: the clock is broken"/);
  const again = await Lines.open(ns, 99, 20);
  const names = new Set(await again.say("*", "who"));
  assertEquals(names.size, 2);
  assert(!names.has(victim!));
});

tapTest(
  "counters and the result of a drain are the sum of all Workers, dead ones included",
  [],
  async (ns) => {
    await using directory = await Directory.create();
    await directory.write("who.ts", WHO);
    await using library = await startLibrary(
      ns,
      directory,
      config([{ port: 99, module: "./who.ts" }]),
    );
    const first = await Lines.open(ns, 99, 30);
    assertEquals(new Set(await first.say("*", "who")).size, 2);
    await library.until(({ tcp }) => tcp.connectionsEstablished === 30);
    // What the last tenth of a second before its death has counted is lost with a Worker.
    const names = await first.say("*", "who");
    await pause(200);
    await first.say(0, "die");
    const dead = names.filter((name) => name === names[0]).length;
    await first.say("*", "who");
    const second = await Lines.open(ns, 99, 30);
    await second.say("*", "who");
    await library.until(({ tcp }) => tcp.connectionsEstablished === 60);
    const said = second.say("*", "read");
    await library.process.closeStdin();
    assertEquals(await said, Array(30).fill("end"));
    const { stdout } = await library.process.success();
    assertEquals(JSON.parse(stdout.trim().split("\n").at(-1)!), { graceful: 60 - dead, reset: 0 });
  },
);

tapTest(
  "what is wrong with all Workers is said once, and ends with the status of one",
  [],
  async (ns) => {
    await using directory = await Directory.create();
    await directory.write("bad.ts", "throw new Error('no good');");
    const taproom = await spawnTaproom(ns, {
      directory,
      config: config([{ port: 99, module: "./bad.ts" }]),
    });
    const { code, stderr } = await taproom.result;
    assertEquals(code, 1, stderr);
    assertEquals(stderr.match(/no good/g)?.length, 1, stderr);
  },
);

tapTest(
  "an interface that was not made for several queues is refused, with the command",
  [],
  async (ns) => {
    await ns.run(["ip", "tuntap", "add", "dev", "tap0", "mode", "tap"]);
    const refused = await spawnTaproom(ns, { config: config([]) });
    const { code, stderr } = await refused.result;
    assertEquals(code, 78, stderr);
    assertStringIncludes(stderr, "sudo ip tuntap add dev tap0 mode tap multi_queue user $USER");

    await ns.run(["ip", "tuntap", "del", "dev", "tap0", "mode", "tap"]);
    await ns.run(["ip", "tuntap", "add", "dev", "tap0", "mode", "tap", "multi_queue"]);
    const taproom = await startTaproom(ns, { config: config([]) });
    taproom.kill();
    assertNotEquals((await taproom.result).code, 78);
  },
);

tapTest(
  "Workers whose interface is removed end the program, with status 69 and one message",
  [],
  async (ns) => {
    const taproom = await startTaproom(ns, { config: config([{ port: 7, module: "echo" }]) });
    await ns.run(["ip", "link", "del", "dev", "tap0"]);
    const { code, stderr } = await taproom.result;
    assertEquals(code, 69, stderr);
    assertEquals(stderr.match(/it was removed while in use/g)?.length, 1, stderr);
  },
);

/** Taproom as a library, in a namespace. */
class Library implements AsyncDisposable {
  #number = 0;

  constructor(readonly process: Process) {}

  async counters(): Promise<Counters> {
    await this.process.write("\n");
    const answer = new RegExp(`^${++this.#number} (\\{.*\\})$`, "m");
    return JSON.parse((await this.process.stdout.match(answer))[1]!) as Counters;
  }

  /** Waits until the counters are as they should be. */
  async until(condition: (counters: Counters) => boolean): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      if (condition(await this.counters())) return;
      await pause(50);
    }
    throw new Error(`never: ${condition}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }
}

async function startLibrary(
  ns: Namespace,
  directory: Directory,
  config: object,
): Promise<Library> {
  const script = projectFile("tests/tap/inside/parallel.ts");
  const base = pathToFileURL(`${directory.path}/`).href;
  const process = ns.spawn(
    [Deno.execPath(), "run", "--allow-ffi", "--allow-read", script, JSON.stringify(config), base],
    { stdin: "open" },
  );
  await process.stdout.match(/ready/);
  return new Library(process);
}

/** Waits until the host listens on port 5000. */
async function untilListening(ns: Namespace): Promise<void> {
  while ((await ns.attempt(["nc", "-z", HOST, "5000"])).code !== 0) await pause(50);
}
