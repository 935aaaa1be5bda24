/**
 * Taproom: a TCP/IP stack and network service runtime.
 *
 * @module
 */
export type {
  FetchModule,
  Flow,
  FlowConnectOptions,
  Listener,
  ListenerContext,
  ListenerFactory,
  Log,
  ServeInfo,
} from "./runtime/listener.ts";
