import { Prefix } from "../../stack/ip/address.ts";
import type { LinkCapabilities } from "../../stack/link.ts";
import type { Frame } from "../../stack/wire/frame.ts";
import { carries, ETHERNET_HEADER_SIZE, MAX_IP_PACKET } from "./carries.ts";
import type { Device } from "./device.ts";
import { DeviceError } from "./error.ts";
import { EAGAIN, EINTR, EINVAL } from "./linux/errno.ts";
import { Gather } from "./linux/gather.ts";
import { HostInterface } from "./linux/interface.ts";
import { MAX_NAME_LENGTH } from "./linux/ioctl.ts";
import { type Libc, loadLibc } from "./linux/libc.ts";
import { Poll, type PollMeans } from "./linux/poll.ts";
import { attachTap, openTun } from "./linux/tun.ts";
import {
  readVirtioNetHeader,
  VIRTIO_NET_HEADER_SIZE,
  writeVirtioNetHeader,
} from "./linux/virtio_net.ts";

/** What to open, and how the host's side shall be. */
export interface TapOptions {
  /**
   * Name of the interface, 1 to 15 bytes. One that exists is attached to: a persistent TAP of the
   * user's needs no privilege. Otherwise it is made, and goes when the device is closed. The kernel
   * puts a number in place of `%d`.
   */
  readonly name: string;
  /** The host's own address on the interface, as `192.168.69.1/24`; left alone if not given. */
  readonly host?: string | Prefix;
  /** Largest IP packet in bytes, 576 to 65521; left alone if not given (a new TAP has 1500). */
  readonly mtu?: number;
  /**
   * Whether checksums and the splitting and joining of TCP segments are left to the kernel in both
   * directions (virtio-net header, `TUNSETOFFLOAD`); default `false`.
   */
  readonly offload?: boolean;
}

/** What became of the frames of a TAP. */
export interface TapCounters {
  /** Frames received from the host. */
  received: number;
  /** Frames handed to the host. */
  transmitted: number;
  /** Frames that the host had no room for, or that met an interface that is down. */
  dropped: number;
  /** Frames that this device cannot carry: too short, too long, or with an unknown offload. */
  rejected: number;
}

const MIN_MTU = 576;
const MAX_MTU = MAX_IP_PACKET - ETHERNET_HEADER_SIZE;
/** Room for any frame with its virtio-net header and a VLAN tag. */
const SLAB_SIZE = 65536 + 64;

/**
 * Opens a TAP of Linux: an Ethernet interface of the host whose other end is this process. The
 * host's side is set up and brought up here; no other program is needed.
 *
 * @param options What to open.
 * @throws {DeviceError} `"unavailable"`, `"permission"`, `"busy"` or `"invalid"`.
 *
 * @example
 * ```ts ignore
 * await using tap = openTap({ name: "tap0", host: "192.168.69.1/24" });
 * ```
 */
export function openTap(options: TapOptions): TapDevice {
  const { libc, descriptors, name, mtu, offload } = attach(options, 1);
  return new TapDevice(libc, descriptors[0]!, name, mtu, offload);
}

/** A TAP whose descriptors are open. */
export interface AttachedTap {
  /** The C library, to be unloaded. */
  readonly libc: Libc;
  /** A descriptor for each queue, to be closed. */
  readonly descriptors: readonly number[];
  /** Name of the interface. */
  readonly name: string;
  /** Largest IP packet in bytes. */
  readonly mtu: number;
  /** Whether frames carry a virtio-net header. */
  readonly offload: boolean;
}

/**
 * Opens a TAP with a number of queues and sets up the host's side.
 *
 * @throws {DeviceError} As {@link openTap}.
 */
export function attach(options: TapOptions, queues: number): AttachedTap {
  const { mtu, offload = false } = options;
  checkName(options.name);
  const host = checkHost(options.host);
  checkMtu(mtu);
  const libc = loadLibc();
  const descriptors: number[] = [];
  try {
    let { name } = options;
    while (descriptors.length < queues) {
      const tun = openTun(libc);
      descriptors.push(tun);
      name = attachTap(libc, tun, name, offload, queues > 1);
    }
    return { libc, descriptors, name, mtu: setUpHost(libc, name, host, mtu), offload };
  } catch (error) {
    for (const tun of descriptors) libc.symbols.close(tun);
    libc.unload();
    throw error;
  }
}

function checkName(name: string): void {
  const length = new TextEncoder().encode(name).length;
  if (length >= 1 && length <= MAX_NAME_LENGTH && !/[\s/:\0]|^\.\.?$/.test(name)) return;
  throw new DeviceError(
    "invalid",
    `"${name}" cannot name an interface: expected 1 to ${MAX_NAME_LENGTH} bytes ` +
      `without spaces, "/" or ":"`,
  );
}

function checkHost(host: string | Prefix | undefined): Prefix | undefined {
  if (typeof host !== "string") return host;
  const prefix = Prefix.parse(host);
  if (prefix !== undefined) return prefix;
  throw new DeviceError(
    "invalid",
    `host address "${host}" is not an address with a prefix length, as "192.168.69.1/24"`,
  );
}

function checkMtu(mtu: number | undefined): void {
  if (mtu === undefined) return;
  if (Number.isInteger(mtu) && mtu >= MIN_MTU && mtu <= MAX_MTU) return;
  throw new DeviceError(
    "invalid",
    `MTU ${mtu} is out of range: expected ${MIN_MTU} to ${MAX_MTU} bytes`,
  );
}

/** Sets up the host's side; returns the MTU it has. */
function setUpHost(
  libc: Libc,
  name: string,
  address: Prefix | undefined,
  mtu: number | undefined,
): number {
  const host = new HostInterface(libc, name);
  try {
    if (mtu !== undefined) host.setMtu(mtu);
    if (address !== undefined) host.setAddress(address);
    host.bringUp();
    return host.mtu;
  } finally {
    host.close();
  }
}

/** A TAP of Linux, made by {@link openTap}. */
export class TapDevice implements Device {
  readonly name: string;
  readonly capabilities: LinkCapabilities;
  /** What became of the frames so far. */
  readonly counters: TapCounters = { received: 0, transmitted: 0, dropped: 0, rejected: 0 };

  readonly #libc: Libc;
  readonly #read: Libc["symbols"]["read"];
  readonly #write: Libc["symbols"]["write"];
  readonly #writev: Libc["symbols"]["writev"];
  readonly #tun: number;
  readonly #slab = new Uint8Array(new ArrayBuffer(SLAB_SIZE));
  /** Size of the header before each frame; 0 for none. */
  readonly #headerSize: number;
  readonly #header = new Uint8Array(new ArrayBuffer(VIRTIO_NET_HEADER_SIZE));
  readonly #gather = new Gather();
  readonly #poll: Poll;
  readonly #isLent: boolean;
  /** The last look for a frame was in vain. */
  #empty = false;
  #open = true;
  #failure: DeviceError | undefined;
  #closing: Promise<void> | undefined;

  /**
   * Made by {@link openTap}.
   *
   * @param libc The C library, unloaded on close.
   * @param tun Descriptor of the attached TAP, closed on close.
   * @param name Name of the interface.
   * @param mtu Largest IP packet in bytes.
   * @param offload Whether frames carry a virtio-net header.
   * @param lent With what to wait, if that and the descriptor are another's to close.
   */
  constructor(
    libc: Libc,
    tun: number,
    name: string,
    mtu: number,
    offload: boolean,
    lent?: PollMeans,
  ) {
    this.#libc = libc;
    ({ read: this.#read, write: this.#write, writev: this.#writev } = libc.symbols);
    this.#tun = tun;
    this.#headerSize = offload ? VIRTIO_NET_HEADER_SIZE : 0;
    if (offload) this.#gather.set(0, this.#header, 0, this.#headerSize);
    this.#poll = new Poll(libc, tun, () => this.#lost(), lent);
    this.#isLent = lent !== undefined;
    this.name = name;
    this.capabilities = {
      mtu,
      maxFrame: ETHERNET_HEADER_SIZE + (offload ? MAX_IP_PACKET : mtu),
      transmitChecksum: offload,
      segmentation: offload,
      gather: offload,
    };
  }

  receive(frame: Frame, _now?: number): boolean {
    while (this.#open && this.#failure === undefined) {
      const length = this.#read(this.#tun, this.#slab, SLAB_SIZE);
      if (length > this.#headerSize) {
        frame.set(this.#slab, this.#headerSize, length - this.#headerSize);
        if (this.#headerSize > 0) readVirtioNetHeader(this.#slab, 0, frame);
        this.counters.received++;
        this.#empty = false;
        return true;
      }
      const errno = length < 0 ? this.#libc.errno() : EINVAL;
      if (errno === EAGAIN) {
        // Who looks again and again may be in the way of the very program that shall send a frame.
        if (this.#empty) this.#libc.symbols.sched_yield();
        this.#empty = true;
        return false;
      }
      if (errno !== EINTR) this.#lost();
    }
    return false;
  }

  transmit(frame: Frame, _now?: number): boolean {
    if (!this.#open || this.#failure !== undefined) return false;
    if (!carries(this.capabilities, frame)) {
      this.counters.rejected++;
      return false;
    }
    while (true) {
      if (this.#writeFrame(frame) >= 0) {
        this.counters.transmitted++;
        return true;
      }
      const errno = this.#libc.errno();
      if (errno === EINTR) continue;
      if (errno === EINVAL) this.counters.rejected++;
      else this.counters.dropped++;
      return false;
    }
  }

  nextDeadline(): number {
    return Infinity;
  }

  wait(timeout: number): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return this.#poll.wait(timeout);
  }

  wake(): void {
    this.#poll.wake();
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** As `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#open = false;
    await this.#poll.close();
    if (!this.#isLent) this.#libc.symbols.close(this.#tun);
    this.#libc.unload();
  }

  /** Writes one frame with one system call and without a copy of ours; negative if it failed. */
  #writeFrame(frame: Frame): number {
    if (this.#headerSize > 0) {
      const { apartLength } = frame;
      writeVirtioNetHeader(frame, this.#header, 0);
      this.#gather.set(1, frame.bytes, frame.offset, frame.length - apartLength);
      if (apartLength === 0) return this.#writev(this.#tun, this.#gather.bytes, 2);
      this.#gather.set(2, frame.apart, frame.apartOffset, apartLength);
      return this.#writev(this.#tun, this.#gather.bytes, 3);
    }
    if (frame.offset === 0) return this.#write(this.#tun, frame.bytes, frame.length);
    this.#gather.set(0, frame.bytes, frame.offset, frame.length);
    return this.#writev(this.#tun, this.#gather.bytes, 1);
  }

  /** The interface was removed: what the device says from now on. */
  #lost(): DeviceError {
    return this.#failure ??= new DeviceError(
      "lost",
      `interface "${this.name}" is gone: it was removed while in use`,
    );
  }
}
