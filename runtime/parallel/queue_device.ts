import { Prefix } from "../../stack/ip/address.ts";
import type { IpPacket } from "../../stack/ip/packet.ts";
import type { LinkCapabilities } from "../../stack/link.ts";
import type { HandOver, Sharing } from "../../stack/sharing.ts";
import { portOwner } from "../../stack/tcp/ports.ts";
import * as arp from "../../stack/wire/arp.ts";
import { read16, write16 } from "../../stack/wire/bytes.ts";
import * as ethernet from "../../stack/wire/ethernet.ts";
import { Frame } from "../../stack/wire/frame.ts";
import { isMac, parseMac } from "../../stack/wire/mac.ts";
import type { InterfaceConfig } from "../config/config.ts";
import type { Device } from "../device/device.ts";
import { Fifo } from "../fifo.ts";
import type { Allowance } from "./allowance.ts";
import type { NeighborNews, Stray } from "./messages.ts";

const NOBODY: readonly number[] = [];

/** What a {@link QueueDevice} works with. */
export interface QueueDeviceOptions {
  /** The queue itself. */
  readonly queue: Device;
  /** The interface. */
  readonly config: InterfaceConfig;
  /** Index of the interface. */
  readonly interface: number;
  /** Which of the Workers this is. */
  readonly index: number;
  /** How many there are. */
  readonly count: number;
  /** Bounds what is sent. */
  readonly outbound: Allowance;
  /** Bounds what is delivered. */
  readonly inbound: Allowance;
  /** Takes a frame to the other Workers. */
  send(message: Stray | NeighborNews): void;
  /** Called for each frame. */
  busy(): void;
}

/** What another Worker has sent. */
interface Delivery {
  readonly bytes: Uint8Array;
  readonly segmentSize: number;
  readonly asked: readonly number[];
  readonly last: boolean;
}

/**
 * One queue of a device that others share, as the device of a stack of its own.
 *
 * Which queue a frame comes on is not always that of the stack that it is for: the kernel's hash
 * knows nothing of connections, and remembers for 3 seconds only where a flow was written to. So
 * frames that no connection here is meant by are handed to the others, and those from the others
 * are received here, before what is in the queue. ARP packets are told to all: anyone may have
 * asked.
 */
export class QueueDevice implements Device, Sharing {
  readonly index: number;
  readonly count: number;
  readonly name: string;
  readonly capabilities: LinkCapabilities;
  readonly #options: QueueDeviceOptions;
  readonly #queue: Device;
  readonly #mac: Uint8Array;
  readonly #addresses: readonly Prefix[];
  readonly #inbox = new Fifo<Delivery>();
  /** The frame that was received last, and who sent it, if not the queue. */
  #frame = new Frame();
  #delivery: Delivery | undefined;

  /** @param options What it works with; the queue is closed when this is. */
  constructor(options: QueueDeviceOptions) {
    const { queue, config, index, count } = options;
    this.index = index;
    this.count = count;
    this.name = queue.name;
    this.capabilities = queue.capabilities;
    this.#options = options;
    this.#queue = queue;
    this.#mac = parseMac(config.mac)!;
    this.#addresses = config.addresses.map((text) => Prefix.parse(text)!);
  }

  /** Takes in what another Worker has sent. */
  deliver(message: NeighborNews | Stray & { readonly last: boolean }): void {
    const { bytes } = message;
    this.#inbox.push(
      message.type === "stray" ? message : { bytes, segmentSize: 0, asked: NOBODY, last: true },
    );
    this.#queue.wake();
  }

  receive(frame: Frame, now: number): boolean {
    this.#frame = frame;
    const delivery = this.#delivery = this.#inbox.shift();
    if (delivery !== undefined) {
      this.#options.inbound.give(delivery.bytes.length);
      frame.set(delivery.bytes, 0, delivery.bytes.length);
      frame.checksum = "verified";
      frame.segmentSize = delivery.segmentSize;
    } else {
      if (!this.#queue.receive(frame, now)) return false;
      if (read16(frame.bytes, frame.offset + ethernet.TYPE) === ethernet.TYPE_ARP) {
        this.#tellNeighbor(frame);
      }
    }
    this.#options.busy();
    return true;
  }

  transmit(frame: Frame, now: number): boolean {
    this.#options.busy();
    return this.#queue.transmit(frame, now);
  }

  handOver(packet: IpPacket, localPort: number): HandOver {
    const delivery = this.#delivery;
    if (delivery?.last || this.#isOwn(packet)) return "unwanted";
    const { headerOffset, payloadOffset, payloadLength, segmentSize } = packet;
    const length = payloadOffset + payloadLength - headerOffset;
    if (!this.#options.outbound.take(ethernet.HEADER_LENGTH + length)) return "full";
    // The Ethernet header is that of the frame; the packet may have been put together of several.
    const bytes = new Uint8Array(ethernet.HEADER_LENGTH + length);
    const { offset } = this.#frame;
    bytes.set(this.#frame.bytes.subarray(offset, offset + ethernet.HEADER_LENGTH));
    bytes.set(
      packet.bytes.subarray(headerOffset, headerOffset + length),
      ethernet.HEADER_LENGTH,
    );
    this.#options.send({
      type: "stray",
      interface: this.#options.interface,
      bytes,
      segmentSize,
      asked: [...delivery?.asked ?? NOBODY, this.index],
      likely: portOwner(localPort, this.count),
    });
    return "taken";
  }

  nextDeadline(): number {
    return this.#queue.nextDeadline();
  }

  wait(timeout: number): Promise<void> {
    return this.#queue.wait(timeout);
  }

  wake(): void {
    this.#queue.wake();
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  /** As `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Tells the others what an ARP packet says of its sender, unless that is us or claims to be. */
  #tellNeighbor({ bytes, offset, length }: Frame): void {
    const at = offset + ethernet.HEADER_LENGTH;
    if (!arp.isValid(bytes, at, length - ethernet.HEADER_LENGTH)) return;
    if (isMac(bytes, at + arp.SENDER_MAC, this.#mac)) return;
    if (this.#addresses.some(({ address }) => address.matches(bytes, at + arp.SENDER_IP))) return;
    const size = ethernet.HEADER_LENGTH + arp.LENGTH;
    if (!this.#options.outbound.take(size)) return; // They ask for themselves.
    const news = bytes.slice(offset, offset + size);
    write16(news, ethernet.HEADER_LENGTH + arp.OPERATION, arp.REPLY);
    this.#options.send({ type: "neighbor", interface: this.#options.interface, bytes: news });
  }

  /** Whether a packet comes from ourselves: no other stack would take it. */
  #isOwn({ bytes, sourceOffset, version }: IpPacket): boolean {
    return this.#addresses.some(({ address }) =>
      address.version === version && address.matches(bytes, sourceOffset)
    );
  }
}
