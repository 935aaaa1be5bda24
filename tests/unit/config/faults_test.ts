import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../../runtime/config/config.ts";
import { parseConfigText } from "../../../runtime/config/load.ts";
import { positionAt } from "../../../runtime/config/position.ts";

/** The faults that a text is refused for, each as `line:column: path: message`. */
function faults(text: string): string[] {
  const error = assertThrows(() => parseConfigText(text, "app.jsonc"), ConfigError);
  return error.message.split("\n").map((line) => line.replace(/^app\.jsonc:(?=\d)/, ""));
}

const TAP = '"device": { "type": "tap", "name": "tap0" }';
const ADDRESSES = '"addresses": ["192.168.69.2/24"]';

/** A config with one interface of these members, on line 1. */
function withInterface(members: string): string {
  return `{"interfaces": [{${members}}]}`;
}

/** A config that is right but for the last member. */
function withMember(member: string): string {
  return `{"interfaces": [{${TAP}, ${ADDRESSES}}],\n${member}}`;
}

/** In each text ▸ marks the place that must be reported. */
const WRONG_VALUES: [name: string, text: string, fault: string][] = [
  [
    "no interfaces",
    "▸{}",
    "interfaces: expected a list of at least one interface, found nothing",
  ],
  [
    "an empty list of interfaces",
    '{"interfaces": ▸[]}',
    "interfaces: expected at least one interface, found an empty list",
  ],
  ["a list at the top", "▸[]", "(top level): expected an object, found an empty list"],
  [
    "an unknown key at the top",
    withMember('▸"listners": []'),
    '(top level): unknown key, found "listners" (did you mean "listeners"?)',
  ],
  [
    "an unknown key that is near none",
    withMember('▸"x": 1'),
    '(top level): unknown key, found "x" (known are $schema, interfaces, listeners, ' +
    "capture, trace, drainTimeout)",
  ],
  [
    "an unknown key within",
    withInterface(`${TAP}, ${ADDRESSES}, ▸"gatway": "192.168.69.1"`),
    'interfaces[0]: unknown key, found "gatway" (did you mean "gateway"?)',
  ],
  [
    "a key given twice",
    withMember('"trace": true, ▸"trace": false'),
    '(top level): a key given twice, found "trace" again',
  ],
  [
    "an unknown type of device",
    withInterface(`"device": {"type": ▸"tun"}, ${ADDRESSES}`),
    'interfaces[0].device.type: expected "tap" or "gateway", found "tun"',
  ],
  [
    "a device without a type",
    withInterface(`"device": ▸{}, ${ADDRESSES}`),
    'interfaces[0].device.type: expected "tap" or "gateway", found nothing',
  ],
  [
    "a device that is no object",
    withInterface(`"device": ▸"tap0", ${ADDRESSES}`),
    'interfaces[0].device: expected an object with a "type" of "tap" or "gateway", ' +
    'found "tap0"',
  ],
  [
    "a device name that is too long",
    withInterface(`"device": {"type": "tap", "name": ▸"abcdefghijklmnop"}, ${ADDRESSES}`),
    "interfaces[0].device.name: expected a device name of 1 to 15 characters without " +
    'blanks, "/", ":" and "%", found "abcdefghijklmnop"',
  ],
  [
    "a mac of a group",
    withInterface(`${TAP}, ${ADDRESSES}, "mac": ▸"01:00:5e:00:00:01"`),
    "interfaces[0].mac: expected an Ethernet address of one station, such as " +
    '"02:00:00:00:00:02", found "01:00:5e:00:00:01"',
  ],
  [
    "an address without a prefix",
    withInterface(`${TAP}, "addresses": [▸"192.168.69.2"]`),
    "interfaces[0].addresses[0]: expected an IPv4 address with the length of its prefix, " +
    'such as "192.168.69.2/24", found "192.168.69.2"',
  ],
  [
    "a prefix length above 32",
    withInterface(`${TAP}, "addresses": [▸"192.168.69.2/33"]`),
    "interfaces[0].addresses[0]: expected an IPv4 address with the length of its prefix, " +
    'such as "192.168.69.2/24", found "192.168.69.2/33"',
  ],
  [
    "a loopback address",
    withInterface(`${TAP}, "addresses": [▸"127.0.0.1/8"]`),
    "interfaces[0].addresses[0]: expected the address of one host (not of this host, " +
    'loopback, multicast or reserved), found "127.0.0.1/8"',
  ],
  [
    "a broadcast address",
    withInterface(`${TAP}, "addresses": [▸"192.168.69.255/24"]`),
    "interfaces[0].addresses[0]: expected the address of a host, not the network's " +
    'broadcast address, found "192.168.69.255/24"',
  ],
  [
    "the address of a network",
    withInterface(`${TAP}, "addresses": [▸"192.168.69.0/24"]`),
    "interfaces[0].addresses[0]: expected the address of a host, not of the whole network, " +
    'found "192.168.69.0/24"',
  ],
  [
    "a prefix of no bits",
    withInterface(`${TAP}, "addresses": [▸"192.168.69.2/0"]`),
    "interfaces[0].addresses[0]: expected a prefix length from 1 to 32, " +
    'found "192.168.69.2/0"',
  ],
  [
    "no addresses",
    `{"interfaces": [▸{${TAP}}]}`,
    "interfaces[0].addresses: expected a list of at least one address, found nothing",
  ],
  [
    "a gateway that is no address",
    withInterface(`${TAP}, ${ADDRESSES}, "gateway": ▸"router"`),
    'interfaces[0].gateway: expected an IPv4 address, such as "192.168.69.1", ' +
    'found "router"',
  ],
  [
    "a gateway that is not on the link",
    withInterface(`${TAP}, ${ADDRESSES}, "gateway": ▸"10.0.0.1"`),
    "interfaces[0].gateway: expected an address on the link (within 192.168.69.0/24), " +
    'found "10.0.0.1"',
  ],
  [
    "a gateway that is the interface itself",
    withInterface(`${TAP}, ${ADDRESSES}, "gateway": ▸"192.168.69.2"`),
    "interfaces[0].gateway: expected another address than the interface's own, " +
    'found "192.168.69.2"',
  ],
  [
    "a gateway that is the network",
    withInterface(`${TAP}, ${ADDRESSES}, "gateway": ▸"192.168.69.0"`),
    "interfaces[0].gateway: expected the address of a host in 192.168.69.0/24, not of the " +
    'network, found "192.168.69.0"',
  ],
  [
    "a host that is not on the link",
    withInterface(
      `"device": {"type": "tap", "name": "tap0", "host": ▸"192.168.70.1/24"}, ${ADDRESSES}`,
    ),
    "interfaces[0].device.host: expected an address on the link (within 192.168.69.0/24), " +
    'found "192.168.70.1/24"',
  ],
  [
    "a host that is the stack itself",
    withInterface(
      `"device": {"type": "tap", "name": "tap0", "host": ▸"192.168.69.2/24"}, ${ADDRESSES}`,
    ),
    "interfaces[0].device.host: expected another address than the interface's own, " +
    'found "192.168.69.2/24"',
  ],
  [
    "an mtu below what IPv4 needs",
    withInterface(`${TAP}, ${ADDRESSES}, "mtu": ▸575`),
    "interfaces[0].mtu: expected a whole number from 576 to 65521, found 575",
  ],
  [
    "an mtu above what a TAP has",
    withInterface(`${TAP}, ${ADDRESSES}, "mtu": ▸65522`),
    "interfaces[0].mtu: expected a whole number from 576 to 65521, found 65522",
  ],
  [
    "a congestion control of an interface that does not exist",
    withInterface(`${TAP}, ${ADDRESSES}, "congestion": ▸"vegas"`),
    'interfaces[0].congestion: expected "cubic", "reno" or "bbr", found "vegas"',
  ],
  [
    "a congestion control of a listener that does not exist",
    withMember('"listeners": [{ "port": 80, "module": "echo", "congestion": ▸true }]'),
    'listeners[0].congestion: expected "cubic", "reno" or "bbr", found true',
  ],
  [
    "an mtu that is not whole",
    withInterface(`${TAP}, ${ADDRESSES}, "mtu": ▸1500.5`),
    "interfaces[0].mtu: expected a whole number from 576 to 65521, found 1500.5",
  ],
  [
    "a gateway device without ports",
    withInterface(`"device": {"type": "gateway", "forward": ▸{}}, ${ADDRESSES}`),
    "interfaces[0].device.forward: expected ports of 127.0.0.1 and where they lead, such as " +
    '{ "8080": 80 }, found an empty object',
  ],
  [
    "a forwarded port out of range",
    withInterface(`"device": {"type": "gateway", "forward": {▸"65536": 80}}, ${ADDRESSES}`),
    "interfaces[0].device.forward: expected a whole number from 1 to 65535 as key, " +
    'found "65536"',
  ],
  [
    "a port forwarded to none",
    withInterface(`"device": {"type": "gateway", "forward": {"8080": ▸0}}, ${ADDRESSES}`),
    'interfaces[0].device.forward["8080"]: expected a whole number from 1 to 65535, found 0',
  ],
  [
    "a gateway device without room for a second address",
    withInterface(
      '"device": {"type": "gateway", "forward": {"8080": 80}}, "addresses": [▸"10.0.0.2/32"]',
    ),
    "interfaces[0].addresses[0]: expected a prefix of at most 31 bits (a gateway needs an address " +
    'beside this one), found "10.0.0.2/32"',
  ],
  [
    "more queues than a device may have",
    withInterface(`"device": {"type": "tap", "name": "tap0", "queues": ▸65}, ${ADDRESSES}`),
    "interfaces[0].device.queues: expected a whole number from 1 to 32, found 65",
  ],
  [
    "interfaces with different numbers of queues",
    `{"interfaces": [{"device": ▸{"type": "tap", "name": "tap1"}, "addresses": ["10.0.0.2/24"]},\n` +
    `{"device": {"type": "tap", "name": "tap0", "queues": 2}, ${ADDRESSES}}]}`,
    "interfaces[0].device: expected as many queues as interfaces[1] has (2), found 1",
  ],
  [
    "a capture of several queues",
    `{"interfaces": [{"device": {"type": "tap", "name": "tap0", "queues": 2}, ${ADDRESSES}}],\n` +
    '"capture": ▸"all.pcapng"}',
    "capture: expected none with 2 queues (let `tcpdump -i tap0 -w FILE` capture on the host's " +
    'side), found "all.pcapng"',
  ],
  [
    "two interfaces on one device",
    `{"interfaces": [{${TAP}, ${ADDRESSES}},\n{"device": {"type": "tap", "name": ▸"tap0"}, "addresses": ["10.0.0.2/24"]}]}`,
    'interfaces[1].device.name: two interfaces on one device, found "tap0" at ' +
    "interfaces[0] too",
  ],
  [
    "one address on two interfaces",
    `{"interfaces": [{${TAP}, ${ADDRESSES}},\n` +
    '{"device": {"type": "tap", "name": "tap1"}, "addresses": [▸"192.168.69.2/16"]}]}',
    "interfaces[1].addresses[0]: an address given twice, found 192.168.69.2 at " +
    "interfaces[0].addresses[0] too",
  ],
  [
    "two gateways on one port",
    '{"interfaces": [{"device": {"type": "gateway", "forward": {"8080": 80}}, ' +
    '"addresses": ["10.0.0.2/24"]},\n{"device": {"type": "gateway", "forward": {"8080": ▸81}}, ' +
    '"addresses": ["10.0.1.2/24"]}]}',
    'interfaces[1].device.forward["8080"]: two gateways on one port of 127.0.0.1, ' +
    "found 8080 at interfaces[0] too",
  ],
  [
    "two listeners on a port",
    withMember(
      '"listeners": [{"port": 80, "module": "./a.ts"}, {"port": ▸80, "module": "./b.ts"}]',
    ),
    "listeners[1].port: two listeners on port 80: ./a.ts and ./b.ts",
  ],
  [
    "a port out of range",
    withMember('"listeners": [{"port": ▸65536, "module": "echo"}]'),
    "listeners[0].port: expected a whole number from 1 to 65535, found 65536",
  ],
  [
    "a port in quotes",
    withMember('"listeners": [{"port": ▸"80", "module": "echo"}]'),
    'listeners[0].port: expected a whole number from 1 to 65535, found "80"',
  ],
  [
    "a listener without a module",
    withMember('"listeners": [▸{"port": 80}]'),
    "listeners[0].module: expected the name of a built-in, a path or a URL, found nothing",
  ],
  [
    "a module without a name",
    withMember('"listeners": [{"port": 80, "module": ▸""}]'),
    'listeners[0].module: expected the name of a built-in, a path or a URL, found ""',
  ],
  [
    "options that are a list",
    withMember('"listeners": [{"port": 80, "module": "echo", "options": ▸[1]}]'),
    "listeners[0].options: expected an object, found a list",
  ],
  [
    "a capture without a name",
    withMember('"capture": ▸""'),
    'capture: expected the name of a file, or "-", found ""',
  ],
  [
    "a trace that is neither true nor false",
    withMember('"trace": ▸"yes"'),
    'trace: expected true or false, found "yes"',
  ],
  [
    "a negative drainTimeout",
    withMember('"drainTimeout": ▸-1'),
    "drainTimeout: expected a number of seconds from 0 to 3600, found -1",
  ],
  [
    "a drainTimeout of null",
    withMember('"drainTimeout": ▸null'),
    "drainTimeout: expected a number of seconds from 0 to 3600, found null",
  ],
];

for (const [name, text, fault] of WRONG_VALUES) {
  Deno.test(`config: ${name} is the one fault reported, with line and column`, () => {
    const { line, column } = positionAt(text, text.indexOf("▸"));
    assertEquals(faults(text.replace("▸", "")), [`${line}:${column}: ${fault}`]);
  });
}

const WRONG_SYNTAX: [name: string, text: string, fault: string][] = [
  [
    "an empty file",
    "",
    '1:1: expected a config, such as { "interfaces": […] }, found an empty file',
  ],
  [
    "a file of comments",
    "// one\n/* two */\n",
    '3:1: expected a config, such as { "interfaces": […] }, found an empty file',
  ],
  [
    "a missing comma",
    '{\n  "trace": true\n  "capture": "x"\n}',
    '3:3: not JSON with comments: unexpected "capture"',
  ],
  ["a missing value", '{"trace": }', "1:11: not JSON with comments: unexpected }"],
  ["a word that is none", '{"trace": yes}', "1:11: not JSON with comments: unexpected yes"],
  ["a key without quotes", "{trace: true}", "1:2: not JSON with comments: unexpected trace"],
  [
    "a text that does not end on its line",
    '{"capture": "x\n}',
    '1:13: not JSON with comments: unexpected "x',
  ],
  ["a bracket too many", "{}\n}", "2:1: not JSON with comments: unexpected }"],
  [
    "a bracket too few",
    '{\r\n"interfaces": [',
    "2:16: not JSON with comments: unexpected end of the file",
  ],
];

for (const [name, text, fault] of WRONG_SYNTAX) {
  Deno.test(`config: ${name} is reported with line and column`, () => {
    assertEquals(faults(text), [fault]);
  });
}

Deno.test("config: nesting without end is refused, not a crash", () => {
  assertEquals(faults("[".repeat(1_000_000)), [
    "app.jsonc: not a config: nested too deeply",
  ]);
});

Deno.test("config: all faults are reported at once, in the order of the file", () => {
  const text = `{
    "drainTimeout": "long",
    "interfaces": [{
      "device": { "type": "tap", "name": "tap0", "hots": "192.168.69.1/24" },
      "addresses": ["192.168.69.2/24"],
      "gateway": "10.0.0.1",
      "mtu": 1
    }],
    "listeners": [
      { "port": 80, "module": "./a.ts" },
      { "port": 80, "modul": "./b.ts" }
    ]
  }`;
  assertEquals(faults(text).map((fault) => fault.split(": ").slice(0, 2).join(": ")), [
    "2:21: drainTimeout",
    "4:50: interfaces[0].device",
    "6:18: interfaces[0].gateway",
    "7:14: interfaces[0].mtu",
    "11:7: listeners[1].module",
    "11:17: listeners[1].port",
    "11:21: listeners[1]",
  ]);
});

Deno.test("two listeners on a port are told apart though one has no module", () => {
  const found = faults(withMember('"listeners": [{"port": 7}, {"port": 7, "module": "echo"}]'));
  assertEquals(
    found.filter((fault) => fault.includes("two listeners")).map((fault) =>
      fault.replace(/^.*: (?=two)/, "")
    ),
    ["two listeners on port 7: one without a module and echo"],
  );
});
