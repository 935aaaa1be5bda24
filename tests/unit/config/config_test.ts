import { assert, assertEquals, assertMatch, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Config, ConfigError, formatPath } from "../../../runtime/config/config.ts";
import { embeddedDefault } from "../../../runtime/config/default.ts";
import { parseConfigText } from "../../../runtime/config/load.ts";
import { deriveMac } from "../../../runtime/config/mac.ts";
import { parseConfig, validate } from "../../../runtime/config/validate.ts";
import { Stack } from "../../../stack/stack.ts";
import { schemaText, schemaUrl } from "../../../runtime/config/write_schema.ts";

Deno.test("the config file of the design is right as it stands", () => {
  const config = parseConfigText(
    `{
    "$schema": "./runtime/config.schema.json",
    "interfaces": [{
      "device": { "type": "tap", "name": "tap0", "host": "192.168.69.1/24" }, // host's side
      "mac": "02:00:00:00:00:02",          // optional
      "addresses": ["192.168.69.2/24"],
      "gateway": "192.168.69.1",            /* optional */
      "mtu": 1500,
    }],
    "listeners": [
      { "port": 7,  "module": "echo" },
      { "port": 80, "module": "./app.ts", "options": { "deep": [1, { "any": null }] } }
    ],
    "capture": "trace.pcapng",
    "trace": true,
    "drainTimeout": 10
  }`,
    "app.jsonc",
  );
  assertEquals(
    config,
    {
      interfaces: [{
        device: {
          type: "tap",
          name: "tap0",
          host: "192.168.69.1/24",
          offload: true,
          queues: 1,
          busyPoll: 200,
        },
        mac: "02:00:00:00:00:02",
        addresses: ["192.168.69.2/24"],
        gateway: "192.168.69.1",
        mtu: 1500,
        congestion: "cubic",
        sendBuffer: 16_777_216,
        receiveBuffer: 16_777_216,
        memoryLimit: 536_870_912,
      }],
      listeners: [
        { port: 7, module: "echo" },
        { port: 80, module: "./app.ts", options: { deep: [1, { any: null }] } },
      ],
      capture: "trace.pcapng",
      trace: true,
      drainTimeout: 10,
    } satisfies Config,
  );
});

Deno.test("congestion control is that of the interface, or else of the listener", () => {
  const config = parseConfig({
    interfaces: [{
      device: { type: "tap", name: "tap0", offload: true, queues: 1 },
      addresses: ["192.168.69.2/24"],
      congestion: "reno",
    }],
    listeners: [
      { port: 7, module: "echo" },
      { port: 80, module: "http", congestion: "bbr" },
    ],
  });
  assertEquals(config.interfaces[0]!.congestion, "reno");
  assertEquals(config.listeners.map(({ congestion }) => congestion), [undefined, "bbr"]);
});

Deno.test("what a config leaves out is filled in", () => {
  const config = parseConfig({
    interfaces: [{
      device: { type: "tap", name: "tap0", offload: true, queues: 1 },
      addresses: ["192.168.69.2/24"],
    }],
  });
  assertEquals(config, {
    interfaces: [{
      device: { type: "tap", name: "tap0", offload: true, queues: 1, busyPoll: 200 },
      mac: deriveMac("tap0"),
      addresses: ["192.168.69.2/24"],
      mtu: 1500,
      congestion: "cubic",
      sendBuffer: 16_777_216,
      receiveBuffer: 16_777_216,
      memoryLimit: 536_870_912,
    }],
    listeners: [],
    trace: false,
    drainTimeout: 10,
  });
});

Deno.test("the ends of each range are within it", () => {
  const base = { device: { type: "tap", name: "t" }, addresses: ["10.0.0.1/31"] };
  for (const mtu of [576, 65521]) parseConfig({ interfaces: [{ ...base, mtu }] });
  for (const sendBuffer of [65_536, 2 ** 30]) {
    parseConfig({ interfaces: [{ ...base, sendBuffer }] });
  }
  for (const port of [1, 65535]) {
    parseConfig({ interfaces: [base], listeners: [{ port, module: "echo" }] });
    const device = { type: "gateway", forward: { [port]: port } };
    parseConfig({ interfaces: [{ device, addresses: ["10.0.0.1/31"] }] });
  }
  for (const drainTimeout of [0, 0.5, 3600]) parseConfig({ interfaces: [base], drainTimeout });
  parseConfig({ interfaces: [{ ...base, device: { type: "tap", name: "abcdefghijklmno" } }] });
});

Deno.test("a stack can be made of whatever is right", () => {
  const octet = fc.constantFrom(0, 1, 2, 10, 127, 128, 192, 223, 224, 254, 255);
  const address = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join("."));
  const link = {
    capabilities: { mtu: 1500, maxFrame: 1514, transmitChecksum: false, segmentation: false },
    transmit: () => true,
  };
  let right = 0;
  fc.assert(
    fc.property(address, fc.integer({ min: 1, max: 32 }), octet, (address, length, last) => {
      const result = validate({
        interfaces: [{
          device: { type: "tap", name: "tap0", offload: true, queues: 1 },
          addresses: [`${address}/${length}`],
          gateway: address.replace(/\d+$/, String(last)),
        }],
      });
      if ("faults" in result) return;
      const { mac, addresses, gateway } = result.config.interfaces[0]!;
      new Stack({ link, mac, addresses, gateway, random: () => 0 });
      right++;
    }),
    { numRuns: 2000 },
  );
  assert(right > 100, `${right} of 2000`);
});

Deno.test("a config checks out the same whether read from a file or given as a value", () => {
  const error = assertThrows(() => parseConfig({ interfaces: [], trace: 1 }), ConfigError);
  assertEquals(
    error.message,
    "interfaces: expected at least one interface, found an empty list\n" +
      "trace: expected true or false, found 1",
  );
  assertEquals(error.faults.map(({ path }) => formatPath(path)), ["interfaces", "trace"]);
});

Deno.test("the byte order mark of a file is skipped", () => {
  parseConfigText(`\uFEFF${JSON.stringify(embeddedDefault())}`, "app.jsonc");
});

Deno.test("the embedded default forwards 8080, 8019 and 8007 to http, chargen and echo", () => {
  const { interfaces, listeners } = embeddedDefault();
  assertEquals(interfaces.map(({ device }) => device), [
    { type: "gateway", forward: { "8080": 80, "8019": 19, "8007": 7 } },
  ]);
  assertEquals(new Map(listeners.map(({ port, module }) => [port, module])).get(80), "http");
  assertEquals(new Map(listeners.map(({ port, module }) => [port, module])).get(19), "chargen");
  assertEquals(new Map(listeners.map(({ port, module }) => [port, module])).get(7), "echo");
});

Deno.test("the derived Ethernet address is stable, of one station and locally administered", () => {
  assertEquals(deriveMac("tap0"), deriveMac("tap0"));
  assertNotEquals(deriveMac("tap0"), deriveMac("tap1"));
  assertMatch(deriveMac("tap0"), /^02(:[0-9a-f]{2}){5}$/);
});

Deno.test("the schema file is what `deno task schema` writes", async () => {
  assert(
    await Deno.readTextFile(schemaUrl) === schemaText(),
    "runtime/config.schema.json is stale: run `deno task schema`",
  );
});

Deno.test("the schema describes every setting, and knows no others", () => {
  (function visit(node: unknown, path: string): void {
    if (typeof node !== "object" || node === null) return;
    if ("properties" in node) {
      assert("additionalProperties" in node && node.additionalProperties === false, path);
      for (const [key, property] of Object.entries(node.properties as object)) {
        const described = "description" in property || "const" in property;
        assert(described, `${path}.${key} has no description`);
        assert(!path.endsWith("properties"), path);
      }
    }
    for (const [key, child] of Object.entries(node)) visit(child, `${path}.${key}`);
  })(JSON.parse(schemaText()), "schema");
});
