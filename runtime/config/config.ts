import type { CongestionName } from "../../stack/tcp/congestion.ts";

/** Most queues that a TAP may have. */
export const MAX_QUEUES = 32;

/** A Linux TAP device, opened through FFI. */
export interface TapDeviceConfig {
  /** Tells it from other devices. */
  readonly type: "tap";
  /** Name of the device, 1 to 15 characters: made if there is none, attached to if there is. */
  readonly name: string;
  /** Address that the host's side of the device is given, as `192.168.69.1/24`. */
  readonly host?: string | undefined;
  /**
   * Checksums, and the splitting and joining of TCP segments, are left to the host, in both
   * directions; `true` by default.
   */
  readonly offload: boolean;
  /**
   * Queues of the device, 1 to 32, each served by a Worker with a stack and the listeners of its
   * own; 1 by default: no Worker. All interfaces have as many.
   */
  readonly queues: number;
  /**
   * How long, at most, to look for the next frame before sleeping, in microseconds: 0 to 10000; 200
   * by default. More shortens the answers to a peer that takes its time, at the price of CPU time.
   */
  readonly busyPoll: number;
}

/**
 * A wire within this process, whose other end is a second stack that carries connections to ports
 * of the loopback interface into this one: no root, no TAP.
 */
export interface GatewayDeviceConfig {
  /** Tells it from other devices. */
  readonly type: "gateway";
  /** Ports of 127.0.0.1, each with the port of the stack that it leads to: `{ "8080": 80 }`. */
  readonly forward: Readonly<Record<string, number>>;
}

/** What an interface is attached to. */
export type DeviceConfig = TapDeviceConfig | GatewayDeviceConfig;

/** A network interface: one stack on one device. */
export interface InterfaceConfig {
  /** What it is attached to. */
  readonly device: DeviceConfig;
  /** Its Ethernet address, as `02:00:00:00:00:02`; derived from the device's name by default. */
  readonly mac: string;
  /** Its addresses with the length of their prefix, as `192.168.69.2/24`; at least one. */
  readonly addresses: readonly string[];
  /** Router to every other network, on the link of one of the addresses. */
  readonly gateway?: string | undefined;
  /** Largest IP packet in bytes: 576 to 65521; 1500 by default. */
  readonly mtu: number;
  /** Congestion control of its connections; `"cubic"` by default. */
  readonly congestion?: CongestionName | undefined;
  /** Largest send buffer of a connection in bytes, 64 KiB to 1 GiB; 16 MiB by default. */
  readonly sendBuffer?: number | undefined;
  /** Largest receive buffer of a connection in bytes, 64 KiB to 1 GiB; 16 MiB by default. */
  readonly receiveBuffer?: number | undefined;
  /** Buffers of all its connections together in bytes, 1 MiB to 1 TiB; 512 MiB by default. */
  readonly memoryLimit?: number | undefined;
}

/** A port and who serves it. */
export interface ListenerConfig {
  /** Port number, 1 to 65535; each port once. */
  readonly port: number;
  /** A built-in's bare name, a path relative to the config file, or a URL. */
  readonly module: string;
  /** What the module's factory function is given. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** Congestion control of its connections; that of the interface by default. */
  readonly congestion?: CongestionName | undefined;
}

/** What a runtime is to do: the config file, checked, with every default in its place. */
export interface Config {
  /** The interfaces, at least one. */
  readonly interfaces: readonly InterfaceConfig[];
  /** The listeners; none by default. */
  readonly listeners: readonly ListenerConfig[];
  /** File that every frame is captured into (pcapng); `-` for standard output. */
  readonly capture?: string | undefined;
  /** Whether each TCP state transition is printed; `false` by default. */
  readonly trace: boolean;
  /** Longest time that goodbyes may take when the runtime ends, in seconds: 0 to 3600; 10 by default. */
  readonly drainTimeout: number;
}

/** Something wrong with a config, and where. */
export interface ConfigFault {
  /** Keys and indices that lead to it; for an unknown or repeated key, to the object that has it. */
  readonly path: readonly (string | number)[];
  /** What is wrong and what was found. */
  readonly message: string;
  /** The key at fault, when it is the key and not its value. */
  readonly key?: string | undefined;
}

/** A config that cannot be used. The message has one line per fault. */
export class ConfigError extends Error {
  /** Always `"ConfigError"`. */
  override readonly name = "ConfigError";

  /**
   * Makes the error.
   *
   * @param message Everything that is wrong, one fault a line.
   * @param faults The same, in parts; empty when the file itself could not be read or parsed.
   */
  constructor(message: string, readonly faults: readonly ConfigFault[] = []) {
    super(message);
  }
}

/** Writes a path as people read it: `interfaces[0].device.forward["8080"]`. */
export function formatPath(path: readonly (string | number)[]): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "string" && /^[A-Za-z_$][\w$]*$/.test(step)) {
      text += text === "" ? step : `.${step}`;
    } else {
      text += `[${JSON.stringify(step)}]`;
    }
  }
  return text === "" ? "(top level)" : text;
}

/** Writes a fault as people read it: `path: what is wrong, what was found`. */
export function formatFault(fault: ConfigFault): string {
  return `${formatPath(fault.path)}: ${fault.message}`;
}
