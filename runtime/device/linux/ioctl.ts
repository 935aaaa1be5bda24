// Requests and structures of <linux/if_tun.h>, <linux/sockios.h> and <net/if.h>; the same on
// x86-64 and arm64, both little-endian.

export const TUNSETIFF = 0x400454ca;
export const TUNSETOFFLOAD = 0x400454d0;
export const TUNSETVNETHDRSZ = 0x400454d8;

/** Frames with their Ethernet header. */
export const IFF_TAP = 0x0002;
/** Several descriptors, each a queue of the interface. */
export const IFF_MULTI_QUEUE = 0x0100;
/** No `struct tun_pi` before each frame. */
export const IFF_NO_PI = 0x1000;
/** A `struct virtio_net_hdr` before each frame. */
export const IFF_VNET_HDR = 0x4000;

/** The reader completes checksums. */
export const TUN_F_CSUM = 0x01;
/** The reader takes TCP super-segments over IPv4. */
export const TUN_F_TSO4 = 0x02;
/** The reader takes TCP super-segments over IPv6. */
export const TUN_F_TSO6 = 0x04;

export const SIOCGIFCONF = 0x8912;
export const SIOCGIFFLAGS = 0x8913;
export const SIOCSIFFLAGS = 0x8914;
export const SIOCGIFADDR = 0x8915;
export const SIOCSIFADDR = 0x8916;
export const SIOCGIFNETMASK = 0x891b;
export const SIOCSIFNETMASK = 0x891c;
export const SIOCGIFMTU = 0x8921;
export const SIOCSIFMTU = 0x8922;

/** The interface is up. */
export const IFF_UP = 0x0001;

export const AF_INET = 2;
export const SOCK_DGRAM = 2;
export const SOCK_CLOEXEC = 0o2000000;

export const O_RDWR = 0o2;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;

export const EFD_NONBLOCK = O_NONBLOCK;
export const EFD_CLOEXEC = O_CLOEXEC;

export const POLLIN = 0x001;
export const POLLERR = 0x008;
export const POLLHUP = 0x010;
export const POLLNVAL = 0x020;

/** Longest name of an interface in bytes (`IFNAMSIZ` less the zero). */
export const MAX_NAME_LENGTH = 15;

/** Size of `struct ifreq` in bytes. */
export const IFREQ_SIZE = 40;

const NAME_SIZE = 16;
/** The union behind the name: flags, MTU, or a `struct sockaddr_in`. */
const VALUE = NAME_SIZE;
const SOCKADDR_ADDRESS = VALUE + 4;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A `struct ifreq`: the name of an interface, and one value that a request reads or writes. */
export class InterfaceRequest {
  /** The structure's bytes, as `ioctl` takes them. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;

  /**
   * @param source The name, at most 15 bytes long, or a structure in memory.
   */
  constructor(source: string | Uint8Array<ArrayBuffer>) {
    if (typeof source === "string") {
      this.bytes = new Uint8Array(new ArrayBuffer(IFREQ_SIZE));
      encoder.encodeInto(source, this.bytes.subarray(0, MAX_NAME_LENGTH));
    } else {
      this.bytes = source;
    }
    this.#view = new DataView(this.bytes.buffer, this.bytes.byteOffset, IFREQ_SIZE);
  }

  /** Name of the interface; the kernel may have filled it in. */
  get name(): string {
    return decoder.decode(this.bytes.subarray(0, this.bytes.indexOf(0)));
  }

  /** `ifr_flags`. */
  get flags(): number {
    return this.#view.getUint16(VALUE, true);
  }
  set flags(flags: number) {
    this.#view.setUint16(VALUE, flags, true);
  }

  /** `ifr_mtu`, in bytes. */
  get mtu(): number {
    return this.#view.getInt32(VALUE, true);
  }
  set mtu(mtu: number) {
    this.#view.setInt32(VALUE, mtu, true);
  }

  /** The 32 bits of an IPv4 address in `ifr_addr` or `ifr_netmask`, signed. */
  get address(): number {
    return this.#view.getInt32(SOCKADDR_ADDRESS);
  }
  set address(bits: number) {
    this.#view.setUint16(VALUE, AF_INET, true);
    this.#view.setInt32(SOCKADDR_ADDRESS, bits);
  }
}
