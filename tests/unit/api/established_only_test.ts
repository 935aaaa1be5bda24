// The public types give no way to hold a connection before it is Established: nothing public makes
// a Flow or a Connection, and what stands for an attempt or a listening port shows none.

import { assertEquals } from "@std/assert";
import * as taproom from "../../../mod.ts";
import type {
  ConnectAttempt,
  Connection,
  ConnectOutcome,
  Flow,
  Listener,
  ListenHandle,
  Runtime,
  Stack,
  TcpState,
} from "../../../mod.ts";

/** `true` if the two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true
  : false;

/** Compiles only for `true`. */
function holds<_Claim extends true>(): void {}

Deno.test("no public value makes a flow or a connection", () => {
  // A new public value must be looked at here before it goes out.
  assertEquals(Object.keys(taproom).sort(), [
    "Capture",
    "ConfigError",
    "DeviceError",
    "Frame",
    "ImpairedDevice",
    "IpAddress",
    "ListenerError",
    "Prefix",
    "Stack",
    "StackError",
    "connect",
    "formatTransition",
    "listen",
    "loadConfig",
    "loopbackPair",
    "openTap",
    "parseConfig",
    "serveHttp",
    "start",
    "testing",
  ]);
  // @ts-expect-error: Flow is a type only
  assertEquals(taproom.Flow, undefined);
  // @ts-expect-error: Connection is a type only
  assertEquals(taproom.Connection, undefined);
  // @ts-expect-error: Runtime is a type only, made by start
  assertEquals(taproom.Runtime, undefined);
});

Deno.test("the testing export makes none either but through a stack", () => {
  const made = Object.keys(taproom.testing).filter((name) => /flow|connection/i.test(name));
  assertEquals(made, ["ObservedConnection"]);
  // It watches a connection that a stack has handed out; it does not make one.
  holds<
    Same<
      ConstructorParameters<typeof taproom.testing.ObservedConnection>[0],
      Connection
    >
  >();
});

Deno.test("an attempt can be cancelled, a listening port closed, and neither shows a connection", () => {
  holds<Same<keyof ConnectAttempt, "cancel">>();
  holds<
    Same<
      keyof Stack,
      | "counters"
      | "start"
      | "receive"
      | "poll"
      | "nextDeadline"
      | "listen"
      | "connect"
      | "close"
      | "abort"
      | "census"
    >
  >();
  holds<Same<keyof ListenHandle, "port" | "address" | "close">>();
  holds<Same<ReturnType<Stack["connect"]>, ConnectAttempt>>();
  holds<Same<ReturnType<Stack["listen"]>, ListenHandle>>();
  holds<Same<ReturnType<Runtime["connect"]>, Promise<Flow>>>();
});

Deno.test("a connection is handed out at the transition into Established, and nowhere else", () => {
  holds<Same<Parameters<Stack["listen"]>[1], (connection: Connection) => void>>();
  holds<Same<Parameters<ConnectOutcome["established"]>, [connection: Connection]>>();
  holds<Same<Parameters<Listener["flow"]>[0], Flow>>();

  const states: TcpState[] = [];
  const lan = taproom.testing.network();
  lan.server.stack.listen({ port: 7 }, (connection) => void states.push(connection.state));
  return lan.run(lan.client.connect({ hostname: lan.server.address, port: 7 }))
    .then(async (flow) => {
      assertEquals(flow.state, "Established");
      flow.abort();
      await lan.close();
      assertEquals(states, ["Established"]);
    });
});

Deno.test("a flow is a Deno.TcpConn, and goes where one goes", () => {
  holds<Flow extends Deno.TcpConn ? true : false>();
  holds<Flow extends taproom.HttpConnection ? true : false>();
  holds<Deno.TcpConn extends taproom.HttpConnection ? true : false>();
});
