// A stack with one Established connection, and the peer's frames made cheaply.

import { encodePacket, type PacketInit } from "../../../runtime/testing/packet_encode.ts";
import { Stack } from "../../../stack/stack.ts";
import type { Connection } from "../../../stack/tcp/api.ts";
import { read16, read32, write32 } from "../../../stack/wire/bytes.ts";
import { Frame } from "../../../stack/wire/frame.ts";

const OURS = { mac: "02:00:00:00:00:02", ip: "10.0.0.2", port: 80 };
const PEERS = { mac: "02:00:00:00:00:01", ip: "10.0.0.1", port: 40_000 };
const IP = 14;
const TCP = IP + 20;
const FIRST = 1000;

/** Payload of a full segment. */
export const MSS = 1460;

/** The peer of one connection. It is on a link that takes checksums off everybody's hands. */
export class Peer {
  readonly stack: Stack;
  readonly connection: Connection;
  /** What the stack has sent: the sequence number after it. */
  sent = 0;
  readonly #frame = new Frame();
  readonly #data = this.#encode({ flags: ["ACK"], payload: new Uint8Array(MSS) });
  readonly #ack = this.#encode({ flags: ["ACK"] });
  #next = FIRST + 1;
  #now = 0;

  constructor() {
    const link = {
      capabilities: { mtu: 1500, maxFrame: 1514, transmitChecksum: true, segmentation: false },
      transmit: ({ bytes, offset }: Frame) => {
        if (read16(bytes, offset + 12) !== 0x0800) return true;
        const payload = read16(bytes, offset + IP + 2) - 20 - (bytes[offset + TCP + 12]! >> 4) * 4;
        const syn = bytes[offset + TCP + 13]! >> 1 & 1;
        this.sent = read32(bytes, offset + TCP + 4) + payload + syn;
        return true;
      },
    };
    let seed = 1;
    this.stack = new Stack({
      link,
      mac: OURS.mac,
      addresses: [`${OURS.ip}/24`],
      random: () => seed = Math.imul(seed, 1664525) + 1013904223 >>> 0,
    });
    let connection: Connection | undefined;
    this.stack.listen({ port: OURS.port }, (accepted) => connection = accepted);
    const ethernet = { destination: OURS.mac, source: PEERS.mac };
    const addresses = { senderMac: PEERS.mac, senderIp: PEERS.ip, targetIp: OURS.ip };
    const arp = { ...addresses, targetMac: OURS.mac, operation: 1 };
    this.#receive(encodePacket({ ethernet, arp }));
    const options = [{ kind: "mss", size: MSS }, { kind: "ws", shift: 10 }] as const;
    this.#receive(this.#encode({ flags: ["SYN"], seq: FIRST, options: [...options] }));
    this.acknowledge();
    if (connection === undefined) throw new Error("the connection was not established");
    this.connection = connection;
  }

  /** Sends a full segment of data, the next one. */
  sendData(): void {
    write32(this.#data, TCP + 4, this.#next);
    write32(this.#data, TCP + 8, this.sent);
    this.#next += MSS;
    this.#receive(this.#data);
  }

  /** Acknowledges all that the stack has sent. */
  acknowledge(): void {
    write32(this.#ack, TCP + 4, this.#next);
    write32(this.#ack, TCP + 8, this.sent);
    this.#receive(this.#ack);
  }

  /** Lets a millisecond pass, and the stack do what is due. */
  poll(): void {
    this.stack.poll(++this.#now);
  }

  #receive(bytes: Uint8Array): void {
    this.#frame.set(bytes, 0, bytes.length);
    this.#frame.checksum = "verified";
    this.stack.receive(this.#frame, this.#now);
  }

  #encode(tcp: Partial<NonNullable<PacketInit["tcp"]>>): Uint8Array {
    return encodePacket({
      ethernet: { destination: OURS.mac, source: PEERS.mac },
      ip: { destination: OURS.ip, source: PEERS.ip },
      tcp: { sourcePort: PEERS.port, destinationPort: OURS.port, window: 65_535, ...tcp },
    });
  }
}
