import type { IpAddress, Prefix } from "../../../stack/ip/address.ts";
import { DeviceError } from "../error.ts";
import { EACCES, EPERM, errnoName } from "./errno.ts";
import {
  AF_INET,
  IFF_UP,
  IFREQ_SIZE,
  InterfaceRequest,
  SIOCGIFADDR,
  SIOCGIFCONF,
  SIOCGIFFLAGS,
  SIOCGIFMTU,
  SIOCGIFNETMASK,
  SIOCSIFADDR,
  SIOCSIFFLAGS,
  SIOCSIFMTU,
  SIOCSIFNETMASK,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
} from "./ioctl.ts";
import type { Libc } from "./libc.ts";

const MAX_ADDRESSES = 1024;

/**
 * The host's side of a network interface: what `ip link` and `ip address` show and set. Only what
 * differs is set, so that an interface that is already as wanted needs no privilege.
 */
export class HostInterface {
  readonly #libc: Libc;
  readonly #name: string;
  readonly #socket: number;

  /**
   * @param libc The C library.
   * @param name Name of the interface; it need not exist yet.
   * @throws {DeviceError} `"unavailable"` on a system without IPv4.
   */
  constructor(libc: Libc, name: string) {
    this.#libc = libc;
    this.#name = name;
    this.#socket = libc.symbols.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (this.#socket < 0) {
      const why = errnoName(libc.errno());
      throw new DeviceError("unavailable", `cannot open an IPv4 socket: ${why}`);
    }
  }

  /** Whether there is an interface of this name. */
  exists(): boolean {
    return this.#ioctl(SIOCGIFFLAGS, new InterfaceRequest(this.#name));
  }

  /** Largest IP packet of the host's side, in bytes. */
  get mtu(): number {
    const request = new InterfaceRequest(this.#name);
    if (!this.#ioctl(SIOCGIFMTU, request)) throw this.#failed("read the MTU of");
    return request.mtu;
  }

  /**
   * Sets the MTU.
   *
   * @throws {DeviceError} `"permission"` or `"invalid"`.
   */
  setMtu(mtu: number): void {
    if (this.mtu === mtu) return;
    const request = new InterfaceRequest(this.#name);
    request.mtu = mtu;
    if (this.#ioctl(SIOCSIFMTU, request)) return;
    throw this.#failed(`set the MTU to ${mtu} of`, `ip link set dev ${this.#name} mtu ${mtu}`);
  }

  /**
   * Gives the host its address on this interface, in place of an earlier one.
   *
   * @throws {DeviceError} `"permission"`, or `"invalid"` if another interface has the address.
   */
  setAddress(prefix: Prefix): void {
    const address = new InterfaceRequest(this.#name);
    const mask = new InterfaceRequest(this.#name);
    if (
      this.#ioctl(SIOCGIFADDR, address) && this.#ioctl(SIOCGIFNETMASK, mask) &&
      address.address === prefix.address.word3 && mask.address === prefix.mask
    ) return;
    const holder = this.#holderOf(prefix.address);
    if (holder !== undefined) {
      throw new DeviceError(
        "invalid",
        `host address "${prefix.address}" for "${this.#name}" is in use on interface "${holder}"`,
      );
    }
    address.address = prefix.address.word3;
    mask.address = prefix.mask;
    if (this.#ioctl(SIOCSIFADDR, address) && this.#ioctl(SIOCSIFNETMASK, mask)) return;
    throw this.#failed(
      `set the host address "${prefix}" of`,
      `ip address add ${prefix} dev ${this.#name}`,
    );
  }

  /**
   * Brings the interface up.
   *
   * @throws {DeviceError} `"permission"`.
   */
  bringUp(): void {
    const request = new InterfaceRequest(this.#name);
    if (!this.#ioctl(SIOCGIFFLAGS, request)) throw this.#failed("read the state of");
    if ((request.flags & IFF_UP) !== 0) return;
    request.flags |= IFF_UP;
    if (this.#ioctl(SIOCSIFFLAGS, request)) return;
    throw this.#failed("bring up", `ip link set dev ${this.#name} up`);
  }

  /** Ends the use of this object; the interface stays as it is. */
  close(): void {
    this.#libc.symbols.close(this.#socket);
  }

  /** Name of another interface that has an address, if one has. */
  #holderOf(address: IpAddress): string | undefined {
    const list = new Uint8Array(new ArrayBuffer(MAX_ADDRESSES * IFREQ_SIZE));
    const pointer = Deno.UnsafePointer.value(Deno.UnsafePointer.of(list));
    const ifconf = new DataView(new ArrayBuffer(16));
    ifconf.setInt32(0, list.length, true);
    ifconf.setBigUint64(8, pointer, true);
    const bytes = new Uint8Array(ifconf.buffer);
    if (this.#libc.symbols.ioctl(this.#socket, SIOCGIFCONF, bytes) < 0) return undefined;
    const used = ifconf.getInt32(0, true);
    for (let at = 0; at + IFREQ_SIZE <= used; at += IFREQ_SIZE) {
      const entry = new InterfaceRequest(list.subarray(at, at + IFREQ_SIZE));
      if (entry.address === address.word3 && entry.name !== this.#name) return entry.name;
    }
    return undefined;
  }

  #ioctl(request: number, argument: InterfaceRequest): boolean {
    return this.#libc.symbols.ioctl(this.#socket, request, argument.bytes) >= 0;
  }

  /** The error for the call that just failed, with the command that does the same as root. */
  #failed(what: string, command?: string): DeviceError {
    const errno = this.#libc.errno();
    const name = this.#name;
    if (command !== undefined && (errno === EPERM || errno === EACCES)) {
      return new DeviceError(
        "permission",
        `may not ${what} interface "${name}": run as root, or once \`sudo ${command}\``,
      );
    }
    return new DeviceError(
      "invalid",
      `cannot ${what} interface "${name}": ${errnoName(errno)}`,
    );
  }
}
