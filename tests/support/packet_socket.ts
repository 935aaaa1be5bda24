import type { FarEnd } from "./device_compliance.ts";
import { TEST_ETHERTYPE } from "./device_compliance.ts";

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;

/**
 * The host's side of a network interface of Linux, frame by frame: what it sends arrives at the
 * other end of a TAP, what comes from there it receives. Only frames of one EtherType.
 */
export class PacketSocket implements FarEnd {
  readonly #libc = Deno.dlopen("libc.so.6", {
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    if_nametoindex: { parameters: ["buffer"], result: "u32" },
    read: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    write: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
  });
  readonly #fd: number;
  readonly #buffer = new Uint8Array(70_000);

  /**
   * @param name Name of the interface.
   * @param etherType The EtherType to receive.
   */
  constructor(name: string, etherType: number = TEST_ETHERTYPE) {
    const { socket, bind, if_nametoindex } = this.#libc.symbols;
    const swapped = etherType >> 8 | (etherType & 0xff) << 8;
    const address = new DataView(new ArrayBuffer(20));
    address.setUint16(0, AF_PACKET, true);
    address.setUint16(2, etherType);
    address.setUint32(4, if_nametoindex(new TextEncoder().encode(`${name}\0`)), true);
    this.#fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, swapped);
    if (this.#fd < 0 || bind(this.#fd, new Uint8Array(address.buffer), 20) < 0) {
      throw new Error(`cannot open a packet socket on ${name}`);
    }
  }

  send(bytes: Uint8Array): void {
    const written = this.#libc.symbols.write(this.#fd, bytes, bytes.length);
    if (written !== bytes.length) throw new Error(`sent ${written} of ${bytes.length} bytes`);
  }

  take(): Uint8Array | undefined {
    const length = this.#libc.symbols.read(this.#fd, this.#buffer, this.#buffer.length);
    return length < 0 ? undefined : this.#buffer.slice(0, length);
  }

  close(): void {
    this.#libc.symbols.close(this.#fd);
    this.#libc.close();
  }
}
