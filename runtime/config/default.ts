import { parseConfig } from "./validate.ts";
import type { Config } from "./config.ts";

/**
 * What runs without a config file: a stack on a wire within this process, and a gateway that
 * carries ports of 127.0.0.1 into it.
 */
export function embeddedDefault(): Config {
  return parseConfig({
    interfaces: [{
      device: { type: "gateway", forward: { "8080": 80, "8019": 19, "8007": 7 } },
      addresses: ["192.168.69.2/24"],
    }],
    listeners: [
      { port: 7, module: "echo" },
      { port: 19, module: "chargen" },
      { port: 80, module: "http" },
    ],
  });
}
