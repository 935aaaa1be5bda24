import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import chargen from "../../../listeners/chargen.ts";
import daytime from "../../../listeners/daytime.ts";
import discard from "../../../listeners/discard.ts";
import echo from "../../../listeners/echo.ts";
import goodbye from "../../../listeners/goodbye.ts";
import type { Flow, Listener } from "../../../mod.ts";
import { network, type NetworkOptions } from "../../../runtime/testing/mod.ts";

const PORT = 7;

/** Runs a listener and one client of it, and expects that the listener logs nothing bad. */
async function talk<T>(
  listener: Listener,
  client: (flow: Flow) => Promise<T>,
  options: NetworkOptions = {},
): Promise<T> {
  await using net = network(options);
  await net.server.serve(PORT, listener);
  const result = await net.run(async () => {
    const { address } = net.server;
    return await client(await net.client.connect({ hostname: address, port: PORT }));
  });
  assertEquals(net.server.log.filter(({ level }) => level !== "info" && level !== "debug"), []);
  return result;
}

function text(flow: Flow): Promise<string> {
  return new Response(flow.readable).text();
}

function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index * 31 >> 3);
}

/** Reads exactly `length` bytes. */
async function take(flow: Flow, length: number): Promise<string> {
  const buffer = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await flow.read(buffer.subarray(at));
    assert(count !== null, `the stream ended after ${at} bytes`);
    at += count;
  }
  return new TextDecoder().decode(buffer);
}

const WEATHER: [name: string, options: NetworkOptions][] = [
  ["on a perfect wire", {}],
  ["on a bad line", { seed: 3, path: { delay: 5, jitter: 20, loss: 0.05, duplicate: 0.02 } }],
];

for (const [weather, options] of WEATHER) {
  Deno.test(`echo: every byte comes back ${weather}, and then the end`, async () => {
    const sent = bytes(300_000);
    const [received, reason] = await talk(echo, async (flow) => {
      const answer = new Response(flow.readable).bytes();
      await flow.write(sent);
      await flow.closeWrite();
      return [await answer, await flow.closed] as const;
    }, options);
    assertEquals(received, sent);
    assertEquals(reason, "closed");
  });

  Deno.test(`discard: everything is taken ${weather}, nothing comes back but the end`, async () => {
    const answer = await talk(discard, async (flow) => {
      await flow.write(bytes(300_000));
      await flow.closeWrite();
      return await text(flow);
    }, options);
    assertEquals(answer, "");
  });

  Deno.test(`chargen: the pattern of RFC 864 ${weather}`, async () => {
    const received = await talk(chargen, async (flow) => {
      const start = await take(flow, 150_000);
      flow.abort();
      return start;
    }, options);
    assertEquals(received, rfc864().slice(0, 150_000));
  });
}

Deno.test("echo: a byte is answered while the stream goes on", async () => {
  const answers = await talk(echo, async (flow) => {
    const answers = [];
    for (const letter of "abc") {
      await flow.write(new TextEncoder().encode(letter));
      answers.push(await take(flow, 1));
    }
    flow.close();
    await flow.closed;
    return answers;
  });
  assertEquals(answers, ["a", "b", "c"]);
});

/** More than two periods and some blocks of the pattern, worked out by another road. */
function rfc864(): string {
  let ring = "";
  for (let code = 32; code < 127; code++) ring += String.fromCharCode(code);
  ring += ring;
  return Array.from({ length: 2100 }, (_, line) => {
    const start = line % 95;
    return ring.slice(start, start + 72) + "\r\n";
  }).join("");
}

Deno.test("chargen: line 0 begins with the space, line 1 with the mark after it", async () => {
  const start = await talk(chargen, async (flow) => {
    const start = await take(flow, 148);
    flow.close();
    return start;
  });
  assertEquals(
    start,
    " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg\r\n" +
      "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefgh\r\n",
  );
});

Deno.test("chargen: ends when the peer says goodbye, whatever it has sent before", async () => {
  const reason = await talk(chargen, async (flow) => {
    await flow.write(bytes(20_000));
    await flow.closeWrite();
    for await (const _ of flow.readable);
    return await flow.closed;
  });
  assertEquals(reason, "closed");
});

Deno.test("chargen: a peer that does not read is not written to without end", async () => {
  await using net = network();
  await net.server.serve(PORT, chargen);
  const flow = await net.run(net.client.connect({ hostname: net.server.address, port: PORT }));
  await net.advance(60_000);
  const [served] = [...net.server.flows];
  const { sendQueued, bytesAcknowledged } = served!.info();
  assert(sendQueued < 4_000_000, `${sendQueued} bytes wait`);
  await net.advance(60_000);
  // Window probes may fill what is left of a unit of the window scale, byte by byte.
  assert(served!.info().bytesAcknowledged - bytesAcknowledged < 512);
  flow.abort();
});

Deno.test("daytime: one line with the day and time, then the end", async () => {
  const before = Math.floor(Date.now() / 1000) * 1000;
  const answer = await talk(daytime, text);
  assertMatch(answer, /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n$/);
  const time = Date.parse(answer);
  assert(time >= before && time <= Date.now(), answer);
});

Deno.test("goodbye: one text and the end, though the peer has more to say", async () => {
  await using net = network();
  await net.server.serve(PORT, goodbye({}));
  const answer = await net.run(async () => {
    const flow = await net.client.connect({ hostname: net.server.address, port: PORT });
    await flow.write(new TextEncoder().encode("hi mom\n"));
    return await text(flow);
  });
  assertEquals(answer, "I made a string!");
  const [line] = net.server.log;
  assertMatch(String(line!.properties.peer), /^10\.0\.0\.1:\d+$/);
});

Deno.test("goodbye: the message is an option", async () => {
  assertEquals(await talk(goodbye({ message: "Auf Wiedersehen" }), text), "Auf Wiedersehen");
  assertEquals(await talk(goodbye({ message: "" }), text), "");
});

Deno.test("goodbye: wrong options are told with what was found", () => {
  for (
    const [options, message] of [
      [{ message: 7 }, "options.message: expected a text, found 7"],
      [{ text: "x" }, "options.text: unknown option, expected message"],
    ] as const
  ) {
    assertEquals(assertThrows(() => goodbye(options), TypeError).message, message);
  }
});

Deno.test("a listener whose peer resets fails nobody", async () => {
  for (const listener of [echo, discard, chargen]) {
    await talk(listener, async (flow) => {
      await flow.write(bytes(100));
      flow.abort();
      await assertRejects(() => flow.read(new Uint8Array(1)));
    });
  }
});
