import type { Config, InterfaceConfig, ListenerConfig } from "../config/config.ts";
import { BUILT_INS } from "../modules.ts";
import { VERSION } from "./help.ts";

/**
 * What is served where, for people: interfaces, addresses, listeners, and a line to copy.
 *
 * @param config What runs.
 * @param isServed Whether a port was opened.
 */
export function banner(config: Config, isServed: (port: number) => boolean): string {
  const listeners = config.listeners.filter(({ port }) => isServed(port));
  const rows = [
    ...config.interfaces.map(describeInterface),
    ...listeners.map(({ port, module }) => [`port ${port}`, module]),
  ];
  const width = Math.max(...rows.map(([name]) => name!.length));
  const lines = rows.map(([name, ...cells]) => [name!.padEnd(width), ...cells].join("  "));
  const command = commandToTry(config, listeners);
  if (command !== undefined) lines.push("", `try: ${command}`);
  return [`Taproom ${VERSION}`, ...lines].join("\n  ").replaceAll(/^ +$/gm, "");
}

/** A config in a few words: `1 interface, 3 listeners`. */
export function describeConfig({ interfaces, listeners }: Config): string {
  return `${count(interfaces.length, "interface")}, ${count(listeners.length, "listener")}`;
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}

function describeInterface({ device, addresses, gateway, mtu }: InterfaceConfig): string[] {
  const cells = [addresses.join(", ")];
  if (gateway !== undefined) cells.push(`via ${gateway}`);
  if (mtu !== 1500) cells.push(`mtu ${mtu}`);
  if (device.type === "tap") {
    if (device.queues > 1) cells.push(count(device.queues, "queue"));
    return [device.name, ...cells];
  }
  const ports = Object.entries(device.forward).map(([from, to]) => `127.0.0.1:${from} to ${to}`);
  return ["gateway", ...cells, ports.join(", ")];
}

/** A command that shows that something is served: of HTTP, if anything is. */
function commandToTry(config: Config, listeners: readonly ListenerConfig[]): string | undefined {
  const reachable = listeners.flatMap((listener) => {
    const at = addressOf(config, listener.port);
    return at === undefined ? [] : [{ ...at, isHttp: seemsHttp(listener) }];
  });
  const best = reachable.find(({ isHttp }) => isHttp) ?? reachable[0];
  if (best === undefined) return undefined;
  const { host, port, isHttp } = best;
  if (!isHttp) return `nc ${host} ${port}`;
  return port === 80 ? `curl http://${host}/` : `curl http://${host}:${port}/`;
}

/** Where a port of the stack is reached from this host. */
function addressOf(
  { interfaces }: Config,
  port: number,
): { host: string; port: number } | undefined {
  for (const { device, addresses } of interfaces) {
    if (device.type === "tap") return { host: addresses[0]!.replace(/\/.*/, ""), port };
    const from = Object.entries(device.forward).find(([, to]) => to === port)?.[0];
    if (from !== undefined) return { host: "127.0.0.1", port: Number(from) };
  }
}

/** What a module of someone else's speaks is not known, but on port 80 it is HTTP. */
function seemsHttp({ port, module }: ListenerConfig): boolean {
  return module === "http" || port === 80 && !BUILT_INS.includes(module);
}
