import { IpAddress, Prefix } from "../../stack/ip/address.ts";
import type { ConfigFault } from "./config.ts";

/**
 * Finds what is wrong between the parts of a config, each of which may be right by itself: ports,
 * devices and addresses given twice, addresses that are not on the link, and what does not go with
 * more than one queue.
 *
 * @param config The parsed file, of any shape: a part that is wrong by itself takes no part.
 */
export function relationFaults(config: unknown): ConfigFault[] {
  return [
    ...listenerFaults(entries(member(config, "listeners"))),
    ...deviceFaults(entries(member(config, "interfaces"))),
    ...addressFaults(entries(member(config, "interfaces"))),
    ...queueFaults(config),
  ];
}

function listenerFaults(listeners: unknown[]): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const modules = new Map<number, string>();
  listeners.forEach((listener, index) => {
    const port = member(listener, "port");
    if (typeof port !== "number") return;
    const named = member(listener, "module");
    const module = typeof named === "string" ? named : "one without a module";
    if (modules.has(port)) {
      faults.push({
        path: ["listeners", index, "port"],
        message: `two listeners on port ${port}: ${modules.get(port)} and ${module}`,
      });
    } else modules.set(port, module);
  });
  return faults;
}

function deviceFaults(interfaces: unknown[]): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const names = new Map<string, number>();
  const forwards = new Map<string, number>();
  interfaces.forEach((one, index) => {
    const device = member(one, "device");
    const name = member(device, "name");
    if (typeof name === "string") {
      const other = names.get(name);
      if (other === undefined) names.set(name, index);
      else {
        faults.push({
          path: ["interfaces", index, "device", "name"],
          message: `two interfaces on one device, found ${JSON.stringify(name)} ` +
            `at interfaces[${other}] too`,
        });
      }
    }
    for (const port of keys(member(device, "forward"))) {
      const other = forwards.get(port);
      if (other === undefined) forwards.set(port, index);
      else {
        faults.push({
          path: ["interfaces", index, "device", "forward", port],
          message:
            `two gateways on one port of 127.0.0.1, found ${port} at interfaces[${other}] too`,
        });
      }
    }
  });
  return faults;
}

/** A Worker has one queue of every interface; the frames of several do not get into one file. */
function queueFaults(config: unknown): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const counts = entries(member(config, "interfaces")).map((one) => {
    const queues = member(member(one, "device"), "queues");
    return typeof queues === "number" ? queues : 1;
  });
  const most = Math.max(1, ...counts);
  counts.forEach((count, index) => {
    if (count === most) return;
    faults.push({
      path: ["interfaces", index, "device"],
      message: `expected as many queues as interfaces[${counts.indexOf(most)}] has (${most}), ` +
        `found ${count}`,
    });
  });
  const capture = member(config, "capture");
  if (most > 1 && typeof capture === "string") {
    const names = entries(member(config, "interfaces")).map((one) =>
      member(member(one, "device"), "name")
    );
    faults.push({
      path: ["capture"],
      message:
        `expected none with ${most} queues (let \`tcpdump -i ${names[0]} -w FILE\` capture ` +
        `on the host's side), found ${JSON.stringify(capture)}`,
    });
  }
  return faults;
}

function addressFaults(interfaces: unknown[]): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const taken = new Map<string, string>();
  interfaces.forEach((one, index) => {
    const at = ["interfaces", index];
    const prefixes: Prefix[] = [];
    entries(member(one, "addresses")).forEach((text, position) => {
      const prefix = typeof text === "string" ? Prefix.parse(text) : undefined;
      if (!prefix) return;
      prefixes.push(prefix);
      const address = prefix.address.toString();
      const place = `interfaces[${index}].addresses[${position}]`;
      const other = taken.get(address);
      if (other === undefined) taken.set(address, place);
      else {
        faults.push({
          path: [...at, "addresses", position],
          message: `an address given twice, found ${address} at ${other} too`,
        });
      }
    });
    if (prefixes.length === 0) return;

    const device = member(one, "device");
    const [first] = prefixes;
    if (member(device, "type") === "gateway" && first!.length === 32) {
      faults.push({
        path: [...at, "addresses", 0],
        message: "expected a prefix of at most 31 bits (a gateway needs an address beside this " +
          `one), found "${first}"`,
      });
    }
    const neighbors: [string[], unknown, IpAddress | undefined][] = [
      [["gateway"], member(one, "gateway"), parseAddress(member(one, "gateway"))],
      [["device", "host"], member(device, "host"), parsePrefix(member(device, "host"))?.address],
    ];
    for (const [path, found, address] of neighbors) {
      if (!address) continue;
      const expected = insteadOfNeighbor(address, prefixes);
      if (expected === undefined) continue;
      faults.push({
        path: [...at, ...path],
        message: `expected ${expected}, found ${JSON.stringify(found)}`,
      });
    }
  });
  return faults;
}

/** What is expected instead of an address that no neighbor on the link can have. */
function insteadOfNeighbor(address: IpAddress, prefixes: Prefix[]): string | undefined {
  const link = prefixes.find((prefix) => prefix.contains(address));
  if (!link) return `an address on the link (within ${prefixes.map(network).join(" or ")})`;
  if (prefixes.some((prefix) => prefix.address.equals(address))) {
    return "another address than the interface's own";
  }
  if (link.broadcast?.equals(address) || link.length < 31 && (address.word3 & ~link.mask) === 0) {
    return `the address of a host in ${network(link)}, not of the network`;
  }
}

/** The network that an address is in: `192.168.69.0/24` for `192.168.69.2/24`. */
function network({ address, mask, length }: Prefix): Prefix {
  return new Prefix(IpAddress.v4(address.word3 & mask), length);
}

function parseAddress(text: unknown): IpAddress | undefined {
  return typeof text === "string" ? IpAddress.parse(text) : undefined;
}

function parsePrefix(text: unknown): Prefix | undefined {
  return typeof text === "string" ? Prefix.parse(text) : undefined;
}

function member(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

function entries(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function keys(value: unknown): string[] {
  return typeof value === "object" && value !== null ? Object.keys(value) : [];
}
