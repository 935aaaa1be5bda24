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

// Not awaited here: a listener module that imports this one would wait for the end of the program.
if (import.meta.main) {
  import("./runtime/cli/main.ts").then(({ main }) => main(Deno.args)).then(Deno.exit);
}
