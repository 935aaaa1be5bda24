import { assert, assertEquals } from "@std/assert";
import { layerOf, LAYERS } from "../../bench/layers.ts";

const ROOT = "file:///taproom/taproom";

Deno.test("layers: a function belongs to the layer of its file, and where that has two, of its name", () => {
  for (
    const [name, url, layer] of [
      ["receive", `${ROOT}/runtime/device/tap.ts`, "read (system call)"],
      ["#writeFrame", `${ROOT}/runtime/device/tap.ts`, "write (system call)"],
      ["wait", `${ROOT}/runtime/device/linux/poll.ts`, "waiting, event loop"],
      ["readSegment", `${ROOT}/stack/wire/tcp.ts`, "parse Ethernet, IP, TCP"],
      ["writeSegment", `${ROOT}/stack/wire/tcp.ts`, "emit TCP, IP, Ethernet"],
      ["sendSegment", `${ROOT}/stack/tcp/emit.ts`, "emit TCP, IP, Ethernet"],
      ["receive", `${ROOT}/stack/ip/ipv4_input.ts`, "parse Ethernet, IP, TCP"],
      ["send", `${ROOT}/stack/ip/ipv4_output.ts`, "emit TCP, IP, Ethernet"],
      ["sum", `${ROOT}/stack/wire/checksum.ts`, "checksum"],
      ["segmentArrives", `${ROOT}/stack/tcp/receive.ts`, "TCP"],
      ["readable", `${ROOT}/runtime/flow_core.ts`, "flow"],
      ["parse", `${ROOT}/runtime/http/parser.ts`, "HTTP: parse"],
      ["fetch", `${ROOT}/tests/bench/hello.ts`, "handler, Request, Response"],
      ["new Response", "ext:deno_fetch/23_response.js", "handler, Request, Response"],
      ["respond", `${ROOT}/runtime/http/responder.ts`, "HTTP: respond"],
      ["run", `${ROOT}/runtime/driver.ts`, "waiting, event loop"],
      ["setImmediate", "ext:deno_node/timers.ts", "waiting, event loop"],
      ["op_run_microtasks", "", "waiting, event loop"],
      ["(garbage collector)", "", "garbage collection"],
      ["(program)", "", "V8 and Deno"],
    ] as const
  ) {
    assertEquals(layerOf(name, url), layer, `${name} of ${url}`);
    assert(LAYERS.includes(layer), layer);
  }
});
