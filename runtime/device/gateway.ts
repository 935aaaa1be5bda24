import { createServer, type Server } from "node:net";
import { IpAddress, Prefix } from "../../stack/ip/address.ts";
import type { GatewayDeviceConfig, InterfaceConfig } from "../config/config.ts";
import { deriveMac } from "../config/mac.ts";
import { connectFlow } from "../connect.ts";
import { FlowSet } from "../flow_set.ts";
import { NetworkInterface } from "../interface.ts";
import type { Device } from "./device.ts";
import { GatewayClient } from "./gateway_client.ts";
import { loopbackPair } from "./loopback.ts";
import { splice } from "./splice.ts";

/** Where the gateway listens. */
const HOST = "127.0.0.1";

/** The wire is in memory: no segment stays in it for longer than a moment. */
const WIRE_LIFETIME = 1_000;

/**
 * The device of the embedded default: a wire in memory, at whose other end a second stack carries
 * connections to ports of 127.0.0.1 into the first. Both directions are carried one by one with
 * their backpressure, and so are half-closes and resets.
 *
 * ```text
 *   client - kernel TCP - 127.0.0.1:8080 - gateway - far stack = wire = stack - listener
 * ```
 */
export class Gateway {
  /** The near end of the wire, for the stack that is served. */
  readonly device: Device;
  readonly #forward: ReadonlyMap<number, number>;
  readonly #target: IpAddress;
  readonly #far: NetworkInterface;
  readonly #flows = new FlowSet();
  readonly #servers: Server[] = [];
  readonly #clients = new Set<GatewayClient>();
  /** Aborted when nobody is let in any more. */
  readonly #closing = new AbortController();
  #closed: Promise<unknown> | undefined;

  /**
   * @param config What is to be forwarded.
   * @param near The interface that the near end belongs to.
   */
  constructor(config: GatewayDeviceConfig, near: Omit<InterfaceConfig, "device" | "mac">) {
    const prefix = Prefix.parse(near.addresses[0]!)!;
    const [device, far] = loopbackPair({
      names: ["gateway", "gateway-far"],
      mtu: near.mtu,
      transmitChecksum: true,
    });
    const address = near.gateway ?? neighborOf(prefix).toString();
    this.device = device;
    this.#target = prefix.address;
    this.#forward = new Map(
      Object.entries(config.forward).map(([from, to]) => [Number(from), to]),
    );
    this.#far = new NetworkInterface(
      {
        device: config,
        mac: deriveMac("gateway-far"),
        addresses: [`${address}/${prefix.length}`],
        mtu: near.mtu,
      },
      far,
      { tcp: { msl: WIRE_LIFETIME } },
    );
  }

  /** Whether there are clients that have not yet been handed all that the stack has for them. */
  get delivers(): boolean {
    for (const client of this.#clients) if (!client.delivered) return true;
    return false;
  }

  /**
   * Listens on every port. Connections are carried from when `ready` resolves.
   *
   * @throws {Deno.errors.NotCapable} Deno does not permit it.
   * @throws {Deno.errors.PermissionDenied} The system does not permit it.
   * @throws {Deno.errors.AddrInUse} Somebody else listens on one of them.
   */
  async listen(ready: Promise<unknown>): Promise<void> {
    for (const [from, to] of this.#forward) {
      await requireNet(from);
      const server = createServer({ allowHalfOpen: true, noDelay: true });
      this.#servers.push(server);
      server.on("connection", (socket) => this.#admit(new GatewayClient(socket), to, ready));
      await listening(server, from);
    }
  }

  /**
   * Drives the far stack until {@link Gateway.close}.
   *
   * @throws Whatever the far stack throws.
   */
  run(): Promise<void> {
    return this.#far.run();
  }

  /** Lets nobody in any more; what is being carried goes on. */
  drain(): void {
    this.#closing.abort(new Deno.errors.Interrupted("the gateway drains"));
    this.#closed ??= Promise.all(this.#servers.map(closing));
  }

  /** Ends everything at once. Clients that have not been handed all of it are reset. */
  async close(): Promise<void> {
    this.drain();
    for (const client of this.#clients) {
      if (client.delivered) client.close();
      else client.reset();
    }
    for (const flow of this.#flows) flow.abort();
    await this.#closed;
    await this.#far.close();
  }

  async #admit(client: GatewayClient, port: number, ready: Promise<unknown>): Promise<void> {
    this.#clients.add(client);
    client.reader.on("close", () => this.#clients.delete(client));
    try {
      await ready;
      const { signal } = this.#closing;
      const flow = await connectFlow(this.#far.stack, this.#target, { port, signal }, this.#flows);
      await splice(client, flow);
    } catch {
      client.reset();
    }
  }
}

/** An address for the far end of the wire: the first host of the network that is another. */
function neighborOf(prefix: Prefix): IpAddress {
  const network = prefix.address.word3 & prefix.mask;
  const first = IpAddress.v4(prefix.length >= 31 ? prefix.address.word3 ^ 1 : network + 1);
  return first.equals(prefix.address) ? IpAddress.v4(network + 2) : first;
}

/** Asks Deno first: `node:net` throws where nobody can catch it. */
async function requireNet(port: number): Promise<void> {
  const host = `${HOST}:${port}`;
  const { state } = await Deno.permissions.request({ name: "net", host });
  if (state === "granted") return;
  throw new Deno.errors.NotCapable(
    `Requires net access to "${host}", run again with the --allow-net flag`,
  );
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(listenError(error, port)));
    server.listen(port, HOST, () => resolve());
  });
}

/** Resolves when a server listens no more and its last connection has gone. */
function closing(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function listenError(error: Error, port: number): Error {
  switch ((error as { code?: unknown }).code) {
    case "EADDRINUSE":
      return new Deno.errors.AddrInUse(
        `port ${port} of ${HOST} is in use by another program (on Linux, ` +
          `"ss -ltnp sport = :${port}" says by which)`,
      );
    case "EACCES":
      return new Deno.errors.PermissionDenied(
        `this user may not listen on port ${port} of ${HOST}; expected one from 1024 up`,
      );
    default:
      return error;
  }
}
