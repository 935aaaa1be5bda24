import { DeviceError } from "../error.ts";
import { EACCES, EBUSY, EINVAL, ENODEV, ENOENT, ENOTTY, ENXIO, EPERM, errnoName } from "./errno.ts";
import { HostInterface } from "./interface.ts";
import {
  IFF_MULTI_QUEUE,
  IFF_NO_PI,
  IFF_TAP,
  IFF_VNET_HDR,
  InterfaceRequest,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDWR,
  TUN_F_CSUM,
  TUN_F_TSO4,
  TUN_F_TSO6,
  TUNSETIFF,
  TUNSETOFFLOAD,
  TUNSETVNETHDRSZ,
} from "./ioctl.ts";
import { cString, type Libc } from "./libc.ts";
import { VIRTIO_NET_HEADER_SIZE } from "./virtio_net.ts";

const TUN_PATH = "/dev/net/tun";

/**
 * Opens the device from which TAPs are made.
 *
 * @returns Its descriptor, which does not block.
 * @throws {DeviceError} `"unavailable"` or `"permission"`.
 */
export function openTun(libc: Libc): number {
  const path = cString(TUN_PATH);
  const tun = libc.symbols.open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
  if (tun >= 0) return tun;
  const errno = libc.errno();
  switch (errno) {
    case ENOENT:
    case ENXIO:
    case ENODEV:
      throw new DeviceError(
        "unavailable",
        `there is no "${TUN_PATH}" here: load it with \`sudo modprobe tun\`, ` +
          `or give it to the container with \`--device ${TUN_PATH}\``,
      );
    case EACCES:
    case EPERM:
      throw new DeviceError(
        "permission",
        `may not open "${TUN_PATH}": run as root, or let users open it with ` +
          `\`sudo chmod 666 ${TUN_PATH}\``,
      );
    default:
      throw new DeviceError("unavailable", `cannot open "${TUN_PATH}": ${errnoName(errno)}`);
  }
}

/**
 * Attaches a descriptor to the TAP of a name, or makes that TAP.
 *
 * @param offload Whether each frame shall have a virtio-net header.
 * @param isQueue Whether the descriptor becomes one of several queues of the TAP.
 * @returns The name that the interface has.
 * @throws {DeviceError} `"permission"`, `"busy"`, `"invalid"` or `"unavailable"`.
 */
export function attachTap(
  libc: Libc,
  tun: number,
  name: string,
  offload: boolean,
  isQueue = false,
): string {
  const { ioctl, ioctlNumber } = libc.symbols;
  const request = new InterfaceRequest(name);
  request.flags = IFF_TAP | IFF_NO_PI | (offload ? IFF_VNET_HDR : 0) |
    (isQueue ? IFF_MULTI_QUEUE : 0);
  if (ioctl(tun, TUNSETIFF, request.bytes) < 0) {
    throw attachError(libc, name, isQueue, libc.errno());
  }
  // A persistent TAP remembers what its last user set, so "off" must be said too. A kernel that
  // refuses the offload hands us ordinary frames instead: nothing that works is lost.
  const headerSize = new Int32Array([VIRTIO_NET_HEADER_SIZE]);
  if (offload) ioctl(tun, TUNSETVNETHDRSZ, new Uint8Array(headerSize.buffer));
  ioctlNumber(tun, TUNSETOFFLOAD, offload ? TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 : 0);
  return request.name;
}

function attachError(libc: Libc, name: string, isQueue: boolean, errno: number): DeviceError {
  if (errno === ENOTTY) {
    return new DeviceError(
      "unavailable",
      `"${TUN_PATH}" is not the TUN/TAP driver: expected the character device 10:200, as ` +
        `\`sudo modprobe tun\` makes it`,
    );
  }
  const host = new HostInterface(libc, name);
  const exists = host.exists();
  host.close();
  const queues = isQueue ? " multi_queue" : "";
  const add = `sudo ip tuntap add dev ${name} mode tap${queues} user $USER`;
  switch (errno) {
    case EPERM:
    case EACCES:
      return new DeviceError(
        "permission",
        exists
          ? `may not use interface "${name}", which is another user's: run as root, or make it ` +
            `yours with \`sudo ip tuntap del dev ${name} mode tap && ${add}\``
          : `may not make interface "${name}": run as root, or make it once with \`${add}\``,
      );
    case EBUSY:
      return new DeviceError(
        "busy",
        `interface "${name}" is in use by another process: stop that one, or choose another name`,
      );
    case EINVAL:
      return new DeviceError(
        "invalid",
        exists
          ? isQueue
            ? `interface "${name}" is no TAP with several queues: expected the name of one, as ` +
              `\`${add}\` makes it, or a name that is free`
            : `interface "${name}" is no plain TAP: expected the name of one, or a name that is free`
          : `"${name}" cannot name an interface`,
      );
    default:
      return new DeviceError("unavailable", `cannot make TAP "${name}": ${errnoName(errno)}`);
  }
}
