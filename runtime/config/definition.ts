import { z } from "zod";
import { IpAddress, Prefix } from "../../stack/ip/address.ts";
import { isHostAddress } from "../../stack/ip/local_addresses.ts";
import { CONGESTION_NAMES } from "../../stack/tcp/congestion.ts";
import { DEFAULT_TCP_OPTIONS } from "../../stack/tcp/tcp_options.ts";
import { suggestion } from "../nearest.ts";
import { type Config, type DeviceConfig, MAX_QUEUES } from "./config.ts";
import { deriveMac } from "./mac.ts";

/*
 * Every check states what it expects; what was found is added where faults are reported. So the
 * text of an issue is "expected …", except for unknown keys: there it has one line per key.
 */

function object<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
  description: string,
): z.ZodObject<Shape, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? (issue.keys as string[]).map((key) => unknownKey(key, Object.keys(shape))).join("\n")
        : "expected an object",
  }).meta({ description });
}

function unknownKey(key: string, known: string[]): string {
  const hint = suggestion(key, known) || ` (known are ${known.join(", ")})`;
  return `unknown key, found ${JSON.stringify(key)}${hint}`;
}

function wholeNumber(min: number, max: number) {
  const error = `expected a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

/** A text; `instead` says what is expected instead of a wrong one, and nothing of a right one. */
function text(expected: string, instead: (value: string) => string | undefined) {
  return z.string({ error: `expected ${expected}` }).refine(
    (value) => instead(value) === undefined,
    { error: (issue) => `expected ${instead(issue.input as string)}` },
  );
}

function list<Item extends z.ZodType>(item: Item, expected: string) {
  return z.array(item, { error: `expected ${expected}` });
}

/** What is expected instead of an address that no interface can have. */
function insteadOfHost(address: IpAddress): string | undefined {
  if (isHostAddress(address.word3)) return undefined;
  return "the address of one host (not of this host, loopback, multicast or reserved)";
}

function insteadOfPrefix(value: string): string | undefined {
  const prefix = Prefix.parse(value);
  if (!prefix) return PREFIX;
  const wrong = insteadOfHost(prefix.address);
  if (wrong) return wrong;
  if (prefix.length === 0) return "a prefix length from 1 to 32";
  if (prefix.broadcast === undefined) return undefined;
  if (prefix.address.equals(prefix.broadcast)) {
    return "the address of a host, not the network's broadcast address";
  }
  if ((prefix.address.word3 & ~prefix.mask) === 0) {
    return "the address of a host, not of the whole network";
  }
}

const PREFIX = 'an IPv4 address with the length of its prefix, such as "192.168.69.2/24"';
const ADDRESS = 'an IPv4 address, such as "192.168.69.1"';
const MAC = 'an Ethernet address of one station, such as "02:00:00:00:00:02"';
const IPV4_PATTERN = String.raw`(\d{1,3}\.){3}\d{1,3}`;

const port = wholeNumber(1, 65535);

const prefix = text(PREFIX, insteadOfPrefix).meta({ pattern: `^${IPV4_PATTERN}/\\d{1,2}$` });

const address = text(ADDRESS, (value) => {
  const parsed = IpAddress.parse(value);
  return parsed ? insteadOfHost(parsed) : ADDRESS;
}).meta({ pattern: `^${IPV4_PATTERN}$` });

const mac = text(MAC, (value) => {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(value)) return MAC;
  const isGroup = (parseInt(value.slice(0, 2), 16) & 1) === 1;
  return isGroup || /^[0:]+$/.test(value) ? MAC : undefined;
}).meta({ pattern: "^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$" });

/** No window is larger than 1 GiB (RFC 7323 section 2.3). */
const buffer = wholeNumber(2 ** 16, 2 ** 30);

const congestion = z.enum(CONGESTION_NAMES, { error: 'expected "cubic", "reno" or "bbr"' });

const DEVICE_NAME = 'a device name of 1 to 15 characters without blanks, "/", ":" and "%"';
const deviceName = text(
  DEVICE_NAME,
  (value) =>
    /^[^\s\/:%\0]{1,15}$/.test(value) && value !== "." && value !== ".." ? undefined : DEVICE_NAME,
);

const tap = object({
  type: z.literal("tap"),
  name: deviceName.meta({
    description: "Name of the device; made if there is none, attached to if there is",
    minLength: 1,
    maxLength: 15,
  }),
  host: prefix.optional().meta({
    description: "Address that the host's side of the device is given",
    examples: ["192.168.69.1/24"],
  }),
  offload: z.boolean({ error: "expected true or false" }).default(true).meta({
    description: "Leave checksums, and the splitting and joining of TCP segments, to the host",
  }),
  queues: wholeNumber(1, MAX_QUEUES).default(1).meta({
    description: "Queues, each served by a Worker with a stack and the listeners of its own",
  }),
  busyPoll: wholeNumber(0, 10_000).default(200).meta({
    description: "How long, at most, to look for the next frame before sleeping, in microseconds",
  }),
}, "A Linux TAP device, opened through FFI");

const FORWARD = 'ports of 127.0.0.1 and where they lead, such as { "8080": 80 }';
const forward = z.record(
  z.string().regex(/^[1-9]\d{0,4}$/).refine((value) => Number(value) <= 65535),
  port,
  {
    error: (issue) =>
      issue.code === "invalid_key"
        ? "expected a whole number from 1 to 65535 as key"
        : `expected ${FORWARD}`,
  },
).refine((ports) => Object.keys(ports).length > 0, { error: `expected ${FORWARD}` });

const gateway = object({
  type: z.literal("gateway"),
  forward: forward.meta({
    description: "Ports of 127.0.0.1, each with the port of the stack that it leads to",
    examples: [{ "8080": 80 }],
    minProperties: 1,
  }),
}, "A wire within this process, reached through ports of 127.0.0.1: no root, no TAP");

const device = z.discriminatedUnion("type", [tap, gateway], {
  error: (issue) =>
    issue.code === "invalid_union"
      ? 'expected "tap" or "gateway"'
      : 'expected an object with a "type" of "tap" or "gateway"',
}).meta({ description: "What the interface is attached to" });

const networkInterface = object({
  device,
  mac: mac.optional().meta({
    description: "Ethernet address; a stable one is derived from the device's name by default",
    examples: ["02:00:00:00:00:02"],
  }),
  addresses: list(prefix, "a list of at least one address").min(1, {
    error: "expected at least one address",
  }).meta({
    description: "Addresses of the interface with the length of their prefix",
    examples: [["192.168.69.2/24"]],
  }),
  gateway: address.optional().meta({
    description: "Router to every other network",
    examples: ["192.168.69.1"],
  }),
  // 65521 is the most that Linux gives to a TAP (65535 less the Ethernet header).
  mtu: wholeNumber(576, 65521).default(1500).meta({
    description: "Largest IP packet in bytes",
  }),
  congestion: congestion.default(DEFAULT_TCP_OPTIONS.congestion).meta({
    description: "Congestion control of its connections",
  }),
  sendBuffer: buffer.default(DEFAULT_TCP_OPTIONS.sendBuffer).meta({
    description: "Largest send buffer of a connection in bytes",
  }),
  receiveBuffer: buffer.default(DEFAULT_TCP_OPTIONS.receiveBuffer).meta({
    description: "Largest receive buffer of a connection, and so its largest window, in bytes",
  }),
  memoryLimit: wholeNumber(2 ** 20, 2 ** 40).default(DEFAULT_TCP_OPTIONS.memoryLimit).meta({
    description: "Buffers of all its connections together in bytes; near it windows shrink",
  }),
}, "A network interface: one stack on one device");

const listener = object({
  port: port.meta({ description: "Port number; each port once" }),
  module: text(
    "the name of a built-in, a path or a URL",
    (value) => value.trim() === "" ? "the name of a built-in, a path or a URL" : undefined,
  ).meta({
    description: "Name of a built-in, path relative to this file, or URL (npm: and jsr: too)",
    examples: ["echo", "discard", "chargen", "daytime", "goodbye", "http", "./app.ts"],
    minLength: 1,
  }),
  options: z.record(z.string(), z.unknown(), { error: "expected an object" }).optional().meta({
    description: "What the module's factory function is given",
  }),
  congestion: congestion.optional().meta({
    description: "Congestion control of its connections; that of the interface by default",
  }),
}, "A port and who serves it");

const fields = object({
  $schema: z.string({ error: "expected a URL" }).optional().meta({
    description: "Where editors find this schema",
  }),
  interfaces: list(networkInterface, "a list of at least one interface").min(1, {
    error: "expected at least one interface",
  }).meta({ description: "Network interfaces" }),
  listeners: list(listener, "a list of listeners").default([]).meta({
    description: "Ports and who serves them",
  }),
  capture: text(
    'the name of a file, or "-"',
    (value) => value === "" ? 'the name of a file, or "-"' : undefined,
  ).optional().meta({
    description: "File that every frame is captured into (pcapng); - for standard output",
    minLength: 1,
  }),
  trace: z.boolean({ error: "expected true or false" }).default(false).meta({
    description: "Print each TCP state transition",
  }),
  drainTimeout: z.number({ error: "expected a number of seconds from 0 to 3600" })
    .min(0, { error: "expected a number of seconds from 0 to 3600" })
    .max(3600, { error: "expected a number of seconds from 0 to 3600" })
    .default(10).meta({
      description: "Longest time that goodbyes may take at the end, in seconds",
    }),
}, "What Taproom serves, and on which interfaces");

/**
 * The one definition of the config: validates it, fills in defaults, and yields the JSON Schema.
 * What concerns several places at once is in `relations.ts`.
 */
export const definition: z.ZodType<Config> = fields.transform(
  ({ $schema: _, interfaces, ...rest }) => ({
    interfaces: interfaces.map(({ device, mac = deriveMac(nameOf(device)), ...more }) => (
      { device, mac, ...more }
    )),
    ...rest,
  }),
);

function nameOf(device: DeviceConfig): string {
  return device.type === "tap" ? device.name : device.type;
}
