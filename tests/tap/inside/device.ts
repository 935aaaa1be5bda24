// Tests of the TAP device that run inside a network namespace of their own: ../device_test.ts makes
// it and runs this file there.

import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { createSocket } from "node:dgram";
import { DeviceError } from "../../../runtime/device/error.ts";
import { openTap, type TapDevice, type TapOptions } from "../../../runtime/device/tap.ts";
import { openTapQueue, TapQueues } from "../../../runtime/device/tap_queues.ts";
import { decodePacket } from "../../../runtime/testing/packet_decode.ts";
import { encodePacket, type PacketInit } from "../../../runtime/testing/packet_encode.ts";
import { type Packet, pseudoHeaderSum, type TcpOption } from "../../../runtime/testing/packet.ts";
import { Frame } from "../../../stack/wire/frame.ts";
import { nextFrame, testDeviceCompliance, testFrame } from "../../support/device_compliance.ts";
import { PacketSocket } from "../../support/packet_socket.ts";
import { run } from "../../support/process.ts";

const HOST = "192.168.69.1";
const PEER = "192.168.69.2";
const PEER_MAC = "02:00:00:00:00:02";

// IPv6 would send frames of its own on every new interface.
await Deno.writeTextFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").catch(() => {});

for (const offload of [false, true]) {
  testDeviceCompliance(offload ? "tap with offload" : "tap", () => {
    const device = openTap({ name: "tap%d", offload });
    const far = new PacketSocket(device.name);
    return {
      device,
      far,
      async [Symbol.asyncDispose]() {
        far.close();
        await device.close();
      },
    };
  });
}

testDeviceCompliance("queue of a tap", () => {
  const queues = new TapQueues({ name: "tap%d", offload: true }, 1);
  const device = openTapQueue(queues.lend(0));
  const far = new PacketSocket(device.name);
  return {
    device,
    far,
    async [Symbol.asyncDispose]() {
      far.close();
      await device.close();
      queues.close();
    },
  };
});

Deno.test("a queue outlives the device of it, and is lent again", async () => {
  const queues = new TapQueues({ name: "tap%d" }, 1);
  const far = new PacketSocket(queues.name);
  const first = openTapQueue(queues.lend(0));
  const waiting = first.wait(Infinity);
  await first.close();
  await waiting;
  queues.takeBack(0);
  far.send(testFrame(60, 7));
  await using second = openTapQueue(queues.lend(0));
  assertEquals(await nextFrame(second), testFrame(60, 7));
  far.close();
  await second.close();
  queues.close();
});

Deno.test("whoever signals the event of a queue ends the wait for it", async () => {
  const queues = new TapQueues({ name: "tap%d" }, 2);
  const device = openTapQueue(queues.lend(1));
  const waiting = device.wait(Infinity);
  queues.takeBack(1);
  await waiting;
  await device.close();
  queues.close();
});

function lost(error: DeviceError): void {
  assertEquals(error.code, "lost");
  assertEquals(error.message, `interface "tap0" is gone: it was removed while in use`);
}

async function addressOf(name: string): Promise<Record<string, unknown>> {
  const { stdout } = await run(["ip", "-json", "address", "show", "dev", name]);
  const [{ mtu, flags, addr_info: [address] }] = JSON.parse(stdout);
  return {
    mtu,
    up: flags.includes("UP"),
    address: address && `${address.local}/${address.prefixlen}`,
    broadcast: address?.broadcast,
  };
}

Deno.test("the host's side is addressed and up, without any other program", async () => {
  await using tap = openTap({ name: "tap0", host: "192.168.69.1/26", mtu: 1400 });
  assertEquals(await addressOf("tap0"), {
    mtu: 1400,
    up: true,
    address: "192.168.69.1/26",
    broadcast: "192.168.69.63",
  });
  assertEquals(tap.capabilities, {
    mtu: 1400,
    maxFrame: 1414,
    transmitChecksum: false,
    segmentation: false,
    gather: false,
  });
});

Deno.test("a TAP that was made here goes when it is closed, a persistent one stays", async () => {
  const fresh = openTap({ name: "tap0" });
  await fresh.close();
  assertEquals((await run(["ip", "link"])).stdout.includes("tap0"), false);

  await run(["ip", "tuntap", "add", "dev", "tap0", "mode", "tap"]);
  await run(["ip", "address", "add", "10.1.2.3/8", "dev", "tap0"]);
  const attached = openTap({ name: "tap0" });
  await attached.close();
  assertEquals((await addressOf("tap0")).address, "10.1.2.3/8", "its address is left alone");
  const readdressed = openTap({ name: "tap0", host: "10.4.5.6/16" });
  await readdressed.close();
  assertEquals((await addressOf("tap0")).address, "10.4.5.6/16");
  await openTap({ name: "tap0", host: "10.4.5.6/24" }).close();
  assertEquals((await addressOf("tap0")).address, "10.4.5.6/24");
  await run(["ip", "link", "delete", "tap0"]);
});

Deno.test("a name that is taken, or is no TAP's, is refused", async () => {
  function refused(options: TapOptions): [string, string] {
    try {
      openTap(options);
    } catch (error) {
      if (error instanceof DeviceError) return [error.code, error.message];
    }
    throw new Error("expected a DeviceError");
  }
  await using tap = openTap({ name: "tap0", host: "192.168.69.1/24" });
  assertEquals(refused({ name: tap.name }), [
    "busy",
    'interface "tap0" is in use by another process: stop that one, or choose another name',
  ]);
  assertEquals(refused({ name: "lo" }), [
    "invalid",
    'interface "lo" is no plain TAP: expected the name of one, or a name that is free',
  ]);
  assertEquals(refused({ name: "tap%s" }), ["invalid", '"tap%s" cannot name an interface']);
  assertEquals(refused({ name: "tap1", host: "192.168.69.1/16" }), [
    "invalid",
    'host address "192.168.69.1" for "tap1" is in use on interface "tap0"',
  ]);
  assertEquals((await run(["ip", "link"])).stdout.includes("tap1"), false, "nothing is left");
});

Deno.test("an interface that is removed ends the wait and the device", async () => {
  await using tap = openTap({ name: "tap0" });
  const pending = assertRejects(() => tap.wait(Infinity), DeviceError);
  await run(["ip", "link", "delete", "tap0"]);
  lost(await pending);
  lost(await assertRejects(() => tap.wait(Infinity), DeviceError));
  assertEquals(tap.receive(new Frame()), false);
  assertEquals(tap.transmit(new Frame(testFrame(60))), false);
});

Deno.test("an interface that is removed is noticed without a wait", async () => {
  await using tap = openTap({ name: "tap0" });
  await run(["ip", "link", "delete", "tap0"]);
  assertEquals(tap.transmit(new Frame(testFrame(60))), false);
  assertEquals(tap.receive(new Frame()), false);
  lost(await assertRejects(() => tap.wait(0), DeviceError));
});

Deno.test("an interface that is down loses frames, and comes back", async () => {
  await using tap = openTap({ name: "tap0" });
  await run(["ip", "link", "set", "dev", "tap0", "down"]);
  assertEquals(tap.transmit(new Frame(testFrame(60))), false);
  assertEquals(tap.counters, { received: 0, transmitted: 0, dropped: 1, rejected: 0 });
  assertEquals(tap.receive(new Frame()), false);
  await run(["ip", "link", "set", "dev", "tap0", "up"]);
  const far = new PacketSocket("tap0");
  assert(tap.transmit(new Frame(testFrame(60))));
  assertEquals(far.take(), testFrame(60));
  far.send(testFrame(61));
  assertEquals(await nextFrame(tap), testFrame(61));
  far.close();
});

Deno.test("a signal on the thread that polls does not disturb a wait", async () => {
  await using tap = openTap({ name: "tap0" });
  using libc = disposable(Deno.dlopen("libc.so.6", {
    tgkill: { parameters: ["i32", "i32", "i32"], result: "i32" },
  }));
  const caught = Promise.withResolvers<void>();
  const catcher = () => caught.resolve();
  Deno.addSignalListener("SIGUSR1", catcher);
  const far = new PacketSocket("tap0");
  let ended = false;
  const wait = tap.wait(Infinity).then(() => ended = true);
  assertEquals(libc.symbols.tgkill(Deno.pid, await pollingThread(), 10), 0);
  await caught.promise;
  await pollingThread();
  assertEquals(ended, false, "it goes on waiting");
  far.send(testFrame(60));
  await wait;
  assertEquals(await nextFrame(tap), testFrame(60));
  far.close();
  Deno.removeSignalListener("SIGUSR1", catcher);
});

/** Waits until a thread of this process is in ppoll for an event of two descriptors. */
async function pollingThread(): Promise<number> {
  const ppoll = Deno.build.arch === "aarch64" ? "73" : "271";
  const end = performance.now() + 5000;
  while (performance.now() < end) {
    for await (const { name } of Deno.readDir("/proc/self/task")) {
      // A thread may end while its entry is being read.
      const call = await Deno.readTextFile(`/proc/self/task/${name}/syscall`).catch(() => "");
      const [number, , descriptors] = call.split(" ");
      if (number === ppoll && descriptors === "0x2") return Number(name);
    }
  }
  throw new Error("no thread polls");
}

function disposable<T extends { close(): void }>(library: T): T & Disposable {
  return Object.assign(library, { [Symbol.dispose]: () => library.close() });
}

Deno.test("frames longer than the MTU of this side are received whole", async () => {
  await using tap = openTap({ name: "tap0", mtu: 1500 });
  await run(["ip", "link", "set", "dev", "tap0", "mtu", "9000"]);
  const far = new PacketSocket("tap0");
  far.send(testFrame(9014));
  assertEquals(await nextFrame(tap), testFrame(9014));
  far.close();
});

/** A frame from the peer behind the TAP whose transport checksum is left to the device. */
async function partial(packet: Partial<PacketInit>, headerLength: number): Promise<Frame> {
  const bytes = encodePacket({
    ethernet: { destination: await macOf("tap0"), source: PEER_MAC },
    ip: { source: PEER, destination: HOST },
    ...packet,
  });
  const frame = new Frame(bytes);
  const protocol = packet.tcp ? 6 : 17;
  frame.checksum = "partial";
  frame.checksumStart = 34;
  frame.checksumOffset = packet.tcp ? 16 : 6;
  frame.headerLength = headerLength;
  const sum = pseudoHeaderSum(PEER, HOST, protocol, bytes.length - 34);
  const folded = (sum & 0xffff) + (sum >>> 16);
  new DataView(bytes.buffer).setUint16(
    34 + frame.checksumOffset,
    (folded & 0xffff) + (folded >> 16),
  );
  return frame;
}

async function macOf(name: string): Promise<string> {
  const { stdout } = await run(["ip", "-json", "link", "show", "dev", name]);
  return JSON.parse(stdout)[0].address;
}

/** Opens a TAP whose host knows the peer's link address. */
async function openWithPeer(offload: boolean): Promise<TapDevice> {
  const tap = openTap({ name: "tap0", host: `${HOST}/24`, offload });
  await run(["ip", "neighbor", "replace", PEER, "lladdr", PEER_MAC, "dev", "tap0"]);
  return tap;
}

/** The next frame with UDP or TCP in it, taken apart and without a fault. */
async function nextPacket(tap: TapDevice): Promise<{ frame: Frame; packet: Packet }> {
  const frame = new Frame();
  while (true) {
    while (!tap.receive(frame)) await tap.wait(1000);
    const checksum = frame.checksum === "partial" ? "partial" : "complete";
    const packet = decodePacket(frame.view().slice(), { checksum });
    if (packet.tcp === undefined && packet.udp === undefined) continue;
    assertEquals(packet.faults, []);
    return { frame, packet };
  }
}

Deno.test("with offload the kernel completes and omits UDP checksums", async () => {
  await using tap = await openWithPeer(true);
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(5000, HOST, resolve));
  const message = Promise.withResolvers<string>();
  socket.on("message", (data) => message.resolve(data.toString()));
  const udp = {
    sourcePort: 6000,
    destinationPort: 5000,
    payload: new TextEncoder().encode("hello"),
  };
  assert(tap.transmit(await partial({ udp }, 42)));
  assertEquals(await message.promise, "hello");

  socket.send("answer", 6000, PEER);
  const { frame, packet } = await nextPacket(tap);
  assertEquals(new TextDecoder().decode(packet.udp!.payload), "answer");
  assertEquals([frame.checksum, frame.checksumStart, frame.checksumOffset], ["partial", 34, 6]);
  assertEquals(frame.segmentSize, 0);
  await new Promise<void>((resolve) => socket.close(() => resolve()));
});

Deno.test("without offload a TAP forgets what its last user took", async () => {
  await run(["ip", "tuntap", "add", "dev", "tap0", "mode", "tap"]);
  await (await openWithPeer(true)).close();
  {
    await using tap = await openWithPeer(false);
    const socket = createSocket("udp4");
    socket.send("plain", 6000, PEER);
    const { frame, packet } = await nextPacket(tap);
    assertEquals(frame.checksum, "complete");
    assertEquals(new TextDecoder().decode(packet.udp!.payload), "plain");
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  }
  await run(["ip", "link", "delete", "tap0"]);
});

Deno.test("with offload TCP super-segments go to the kernel and come from it", async () => {
  await using tap = await openWithPeer(true);
  using listener = Deno.listen({ hostname: HOST, port: 5001 });
  const ports = { sourcePort: 6001, destinationPort: 5001 };
  const options: TcpOption[] = [{ kind: "mss", size: 1460 }];
  const syn = { ...ports, seq: 999, window: 65535, options };
  assert(tap.transmit(await partial({ tcp: { ...syn, flags: ["SYN"] } }, 58)));
  const { packet: { tcp: synAck } } = await nextPacket(tap);
  assertEquals(synAck!.flags, ["SYN", "ACK"]);

  const ack = (synAck!.seq + 1) >>> 0;
  const payload = crypto.getRandomValues(new Uint8Array(60_000));
  const data = { ...ports, seq: 1000, ack, window: 65535 };
  const segment = await partial({ tcp: { ...data, flags: ["ACK", "PSH"], payload } }, 54);
  segment.segmentSize = 1460;
  assert(tap.transmit(segment));
  using conn = await listener.accept();
  const received = new Uint8Array(60_000);
  for (let at = 0; at < received.length;) at += (await conn.read(received.subarray(at)))!;
  assertEquals(received, payload);

  const sending = conn.write(payload);
  const answer = new Map<number, Uint8Array>();
  let largest = 0;
  while ([...answer.values()].reduce((sum, { length }) => sum + length, 0) < 60_000) {
    const { frame, packet: { tcp } } = await nextPacket(tap);
    assertEquals(frame.checksum, "partial");
    const length = tcp!.payload.length;
    if (length === 0) continue;
    largest = Math.max(largest, length);
    assertEquals(frame.segmentSize, length > 1460 ? 1460 : 0);
    assertEquals(frame.headerLength, length > 1460 ? 54 : 0);
    answer.set((tcp!.seq - ack) >>> 0, tcp!.payload);
    const next = (tcp!.seq + length) >>> 0;
    const received = { ...data, seq: 61_000, ack: next };
    assert(tap.transmit(await partial({ tcp: { ...received, flags: ["ACK"] } }, 54)));
  }
  await sending;
  const echoed = new Uint8Array(60_000);
  for (const [at, bytes] of answer) echoed.set(bytes, at);
  assertEquals(echoed, payload);
  assertGreater(largest, 1460);
});
