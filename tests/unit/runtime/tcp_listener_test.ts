import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { ConnectionFlow } from "../../../runtime/flow.ts";
import { FlowListener, type TcpListener } from "../../../runtime/tcp_listener.ts";
import { FakeConnection } from "./fake_connection.ts";

const { BadResource } = Deno.errors;

function make(backlog = 2): { listener: FlowListener; closes: () => number } {
  let closes = 0;
  const addr: Deno.NetAddr = { transport: "tcp", hostname: "10.0.0.2", port: 7 };
  return { listener: new FlowListener(addr, backlog, () => closes++), closes: () => closes };
}

function deliver(listener: FlowListener): { flow: ConnectionFlow; connection: FakeConnection } {
  const connection = new FakeConnection();
  const flow = new ConnectionFlow(connection);
  listener.deliver(flow);
  return { flow, connection };
}

Deno.test("a listener is accepted wherever a Deno.TcpListener is", () => {
  const listener: Deno.TcpListener = make().listener satisfies TcpListener;
  assertEquals(listener.addr.port, 7);
  listener.ref();
  listener.unref();
  listener.close();
});

Deno.test("flows are accepted in their order, whoever waits first", async () => {
  const { listener } = make();
  const first = listener.accept();
  const second = listener.accept();
  const flows = [deliver(listener), deliver(listener), deliver(listener)].map(({ flow }) => flow);
  assertStrictEquals(await first, flows[0]);
  assertStrictEquals(await second, flows[1]);
  assertStrictEquals(await listener.accept(), flows[2]);
});

Deno.test("a flow that finds the backlog full is reset, and those that wait are not", async () => {
  const { listener } = make(2);
  const waiting = [deliver(listener), deliver(listener)];
  assertEquals(listener.overflows, 0);
  assertEquals(deliver(listener).connection.calls, ["abort"]);
  assertStrictEquals(await listener.accept(), waiting[0]!.flow);
  assertEquals(deliver(listener).connection.calls, []);
  assertEquals(listener.overflows, 1);
});

Deno.test("close rejects who waits, resets what waits, and twice is harmless", async () => {
  const { listener, closes } = make();
  const [one, two] = [listener.accept(), listener.accept()];
  listener.close();
  listener.close();
  listener[Symbol.dispose]();
  assertEquals(closes(), 1);
  for (const accept of [one, two, listener.accept()]) {
    assertInstanceOf(await accept.catch((error) => error), BadResource);
  }

  const other = make().listener;
  const { connection } = deliver(other);
  const accepted = deliver(other);
  assertStrictEquals((await other.accept()).remoteAddr.port, 40000);
  other.close();
  assertEquals(connection.calls, [], "accepted before");
  assertEquals(accepted.connection.calls, ["abort"]);
  assertEquals(deliver(other).connection.calls, ["abort"], "delivered too late");
});

Deno.test("accepts that nobody looks at reject without harm", async () => {
  const { listener } = make();
  listener.accept();
  listener.close();
  listener.accept();
  // An unhandled rejection would fail the test run at the next turn of the event loop.
  await new Promise((resolve) => setTimeout(resolve));
});

Deno.test("iterating yields flows until the listener is closed", async () => {
  const { listener } = make();
  deliver(listener);
  deliver(listener);
  let seen = 0;
  for await (const flow of listener) {
    assertEquals(flow.state, "Established");
    if (++seen === 2) listener.close();
  }
  assertEquals(seen, 2);
});

Deno.test("leaving the iteration closes the listener, as in Deno", async () => {
  const { listener, closes } = make();
  deliver(listener);
  for await (const _ of listener) break;
  assertEquals(closes(), 1);
  await assertRejects(() => listener.accept(), BadResource);
});
