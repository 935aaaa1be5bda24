import type { Config } from "../config/config.ts";

/** How many queues each interface of a config has, and so how many Workers serve it; 1: none. */
export function queuesOf({ interfaces: [first] }: Pick<Config, "interfaces">): number {
  return first?.device.type === "tap" ? first.device.queues : 1;
}

/** The config with another number of queues at every TAP. */
export function withQueues(config: Config, queues: number): Config {
  const interfaces = config.interfaces.map((one) =>
    one.device.type === "tap" ? { ...one, device: { ...one.device, queues } } : one
  );
  return { ...config, interfaces };
}
