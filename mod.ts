/**
 * Taproom: a TCP/IP stack and network service runtime in TypeScript.
 *
 * - For listener modules: the types {@link Listener}, {@link FetchModule}, {@link ListenerFactory},
 *   {@link Flow}, {@link ListenerContext}.
 * - As a library: {@link start} a runtime from a config ({@link parseConfig}, {@link loadConfig}),
 *   then {@link listen} and {@link connect} as with `Deno.listen` and `Deno.connect`.
 * - To build with: the {@link Stack} alone, driven step by step by the caller; devices
 *   ({@link openTap}, {@link loopbackPair}) and layers over them ({@link Capture},
 *   {@link ImpairedDevice}); the HTTP/1.1 engine ({@link serveHttp}).
 * - For tests: {@link testing}, which is also the module `taproom/testing`.
 *
 * As the main module it is the command line: `deno run mod.ts --help`.
 *
 * @example Serve on a TAP, as a library
 * ```ts ignore
 * import { listen, parseConfig, start } from "taproom";
 *
 * await using runtime = await start(parseConfig({
 *   interfaces: [{
 *     device: { type: "tap", name: "tap0", host: "192.168.69.1/24" },
 *     addresses: ["192.168.69.2/24"],
 *   }],
 * }));
 * for await (const flow of listen({ port: 7 })) {
 *   flow.readable.pipeTo(flow.writable).catch(() => {});
 * }
 * ```
 *
 * @module
 */

// What listener modules are made of.
export type {
  FetchModule,
  Flow,
  FlowConnectOptions,
  Listener,
  ListenerContext,
  ListenerFactory,
  Log,
} from "./runtime/listener.ts";

// Runtime.
export type { Runtime, RuntimeOptions, ServedInterface, ServedListener } from "./runtime/api.ts";
export type { DrainResult } from "./runtime/drain.ts";
export { start } from "./runtime/runtime.ts";
export { connect, listen } from "./runtime/net.ts";
export type { ListenOptions, TcpListener } from "./runtime/tcp_listener.ts";
export { ListenerError } from "./runtime/modules.ts";

// Config.
export type {
  Config,
  ConfigFault,
  DeviceConfig,
  GatewayDeviceConfig,
  InterfaceConfig,
  ListenerConfig,
  TapDeviceConfig,
} from "./runtime/config/config.ts";
export { ConfigError } from "./runtime/config/config.ts";
export { loadConfig, type ReadTextFile } from "./runtime/config/load.ts";
export { parseConfig } from "./runtime/config/validate.ts";

// The stack, and what it is driven with.
export { Stack } from "./stack/stack.ts";
export type { StackOptions } from "./stack/stack.ts";
export type {
  ArpCounters,
  Counters,
  IcmpCounters,
  Ipv4Counters,
  LinkCounters,
  UdpCounters,
} from "./stack/counters.ts";
export type { TcpCounters } from "./stack/tcp/counters.ts";
export type {
  AddressConflictNotice,
  ListenerErrorNotice,
  NeighborUnreachableNotice,
  StackNotice,
} from "./stack/notice.ts";
export { StackError, type StackErrorCode } from "./stack/error.ts";
export { IpAddress, type IpVersion, Prefix } from "./stack/ip/address.ts";
export type { IpPacket } from "./stack/ip/packet.ts";
export type { Link, LinkCapabilities } from "./stack/link.ts";
export type { HandOver, Sharing } from "./stack/sharing.ts";
export { type ChecksumStatus, Frame } from "./stack/wire/frame.ts";
export type {
  CloseReason,
  ConnectAttempt,
  Connection,
  ConnectionInfo,
  ConnectionObserver,
  ConnectOutcome,
  ConnectTo,
  Endpoint,
  KeepAlive,
  ListenAt,
  ListenHandle,
  TcpState,
} from "./stack/tcp/api.ts";
export { formatTransition, type TcpEvent, type Transition } from "./stack/tcp/state.ts";
export type { TcpCensus } from "./stack/tcp/tcp.ts";
export type { CongestionName } from "./stack/tcp/congestion.ts";
export type { CongestionEvent, CongestionEventType } from "./stack/tcp/congestion_event.ts";
export type { RecoveryPhase } from "./stack/tcp/recovery_phase.ts";
export type { LimitedTimes, SendLimit } from "./stack/tcp/send_limits.ts";
export type { TcpOptions } from "./stack/tcp/tcp_options.ts";

// Devices.
export type { Device } from "./runtime/device/device.ts";
export { DeviceError, type DeviceErrorCode } from "./runtime/device/error.ts";
export {
  openTap,
  type TapCounters,
  type TapDevice,
  type TapOptions,
} from "./runtime/device/tap.ts";
export {
  type LoopbackCounters,
  type LoopbackDevice,
  type LoopbackOptions,
  loopbackPair,
} from "./runtime/device/loopback.ts";
export {
  Capture,
  type CaptureDevice,
  type CaptureOptions,
  type CaptureSink,
} from "./runtime/device/capture.ts";
export {
  ImpairedDevice,
  type ImpairedDirection,
  type Impairment,
  type ImpairmentCounters,
  type ImpairmentOptions,
} from "./runtime/device/impairment.ts";

// The HTTP/1.1 engine, over any connection.
export { serveHttp } from "./runtime/http/mod.ts";
export type {
  FailedRequest,
  HttpConnection,
  HttpHandler,
  HttpOptions,
  Limits,
  ServeInfo,
  Timers,
} from "./runtime/http/mod.ts";
export type { ReadableWaiter } from "./runtime/readable_waiter.ts";

export * as testing from "./runtime/testing/mod.ts";

// Not awaited here: a listener module that imports this one would wait for the end of the program.
if (import.meta.main) {
  import("./runtime/cli/main.ts").then(({ main }) => main(Deno.args)).then(Deno.exit);
}
