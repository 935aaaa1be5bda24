// What FFI and the TAP allow: serves what the others serve without a TCP, for the benchmark only.
//
//   ceiling/main.ts
//
// Each frame is answered from a template. What a stack must remember and doubt is taken from the
// frame that is answered: SEG.ACK is what we send next, SEG.SEQ and the payload are what we
// acknowledge; nothing is verified. It is right only as long as the peer is, and the TAP loses
// nothing. It waits as Taproom does: it works, then polls for a while, then sleeps.

import { setImmediate } from "node:timers";

import { DeviceError } from "../../../runtime/device/error.ts";
import { HostInterface } from "../../../runtime/device/linux/interface.ts";
import { loadLibc } from "../../../runtime/device/linux/libc.ts";
import { Poll } from "../../../runtime/device/linux/poll.ts";
import { attachTap, openTun } from "../../../runtime/device/linux/tun.ts";
import { Prefix } from "../../../stack/ip/address.ts";
import * as arp from "../../../stack/wire/arp.ts";
import { read16, read32, write32 } from "../../../stack/wire/bytes.ts";
import * as ethernet from "../../../stack/wire/ethernet.ts";
import * as ipv4 from "../../../stack/wire/ipv4.ts";
import { writeMac } from "../../../stack/wire/mac.ts";
import { PROTOCOL_TCP } from "../../../stack/wire/protocol.ts";
import {
  ACK,
  ACKNOWLEDGMENT,
  DATA_OFFSET,
  DESTINATION_PORT,
  FIN,
  FLAGS,
  PSH,
  readOptions,
  readSegment,
  RST,
  Segment,
  SEQUENCE,
  SOURCE_PORT,
  SYN,
  WINDOW,
} from "../../../stack/wire/tcp.ts";
import { Bulk, Flow, Source } from "./bulk.ts";
import { ADDRESS, CLIENT, ETHERNET, IP, MAC, TCP, template } from "./frames.ts";

/** Frames that are read before bulk data has its turn. */
const BATCH = 64;
/** How long to look for frames before sleeping, in milliseconds. */
const BUSY_POLL = 0.2;
/** The event loop has its turn at least this often, in milliseconds: for SIGTERM. */
const FAIRNESS = 1;
/** What is not acknowledged for so long is sent again, in milliseconds. */
const PATIENCE = 200;

/** Each connection begins here: then what is acknowledged says how much was sent. */
const INITIAL_SEQUENCE = 1;

function response(type: string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode(
    `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\nvary: Accept-Encoding\r\n` +
      `content-length: ${body.length}\r\ndate: ${new Date().toUTCString()}\r\n\r\n`,
  );
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}

const hello = response("text/plain;charset=UTF-8", new TextEncoder().encode("Hello, world!"));
const SYN_ACK = template(SYN | ACK);
const ACKNOWLEDGE = template(ACK);
const GOODBYE = template(FIN | ACK);
const RESPONSE = template(ACK | PSH, hello);
const LAST_RESPONSE = template(ACK | PSH | FIN, hello);

/** The pattern of RFC 864. */
const chargen = new Source(
  new TextEncoder().encode(
    Array.from(
      { length: 95 },
      (_, line) =>
        String.fromCharCode(...Array.from({ length: 72 }, (_, i) => 32 + (line + i) % 95)) + "\r\n",
    ).join(""),
  ),
);
const large = new Source(response("application/octet-stream", new Uint8Array(100 * 1024)));

const libc = loadLibc();
const { read, sched_yield, write } = libc.symbols;
const tun = openTun(libc);
const name = attachTap(libc, tun, "tap0", true);
const host = new HostInterface(libc, name);
host.setAddress(Prefix.parse("192.168.69.1/24")!);
host.bringUp();
host.close();
const poll = new Poll(libc, tun, () => new DeviceError("lost", `${name} is gone`));
const bulk = new Bulk(libc, tun);
const slab = new Uint8Array(65536 + 64);
const segment = new Segment();

/** Answers the frame in the slab. */
function answer(length: number): void {
  if (slab[IP] !== 0x45 || slab[IP + ipv4.PROTOCOL] !== PROTOCOL_TCP) {
    if (read16(slab, ETHERNET + ethernet.TYPE) === ethernet.TYPE_ARP) answerArp(length);
    return;
  }
  const flags = slab[TCP + FLAGS]!;
  const headers = ipv4.HEADER_LENGTH + (slab[TCP + DATA_OFFSET]! >> 4) * 4;
  const payload = read16(slab, IP + ipv4.TOTAL_LENGTH) - headers;
  const port = read16(slab, TCP + DESTINATION_PORT);
  if ((flags & (SYN | FIN | RST)) !== 0) {
    if ((flags & SYN) !== 0) open(port, headers);
    else {
      bulk.delete(ourPorts());
      if ((flags & FIN) !== 0) send(GOODBYE, payload + 1);
    }
    return;
  }
  if (port === 19 || port === 8080) {
    const flow = bulk.get(ourPorts());
    if (flow === undefined) return;
    if (payload > 0) {
      // A request for the next 100 KiB; chargen is endless, and nobody says anything to it.
      flow.received = read32(slab, TCP + SEQUENCE) + payload;
      flow.end += large.once.length;
    }
    bulk.acknowledge(flow, read32(slab, TCP + ACKNOWLEDGMENT), read16(slab, TCP + WINDOW));
  } else if (payload > 0) {
    if (port === 80) {
      send(endsWithClose(IP + headers + payload) ? LAST_RESPONSE : RESPONSE, payload);
    } else if (port === 9) acknowledgeSoon(payload);
    else if (port === 7) echo(length, payload);
  }
}

/** Both ports of the frame in the slab, as our frames have them. */
function ourPorts(): number {
  return read16(slab, TCP + DESTINATION_PORT) << 16 | read16(slab, TCP + SOURCE_PORT);
}

/** Whether a request ends with `Connection: close`, as the benchmark's client writes it. */
function endsWithClose(end: number): boolean {
  return slab[end - 5] === 0x65 && slab[end - 6] === 0x73; // "se" of "close\r\n\r\n"
}

/** Makes a template the answer to the frame in the slab, of which it acknowledges so much. */
function fill(frame: Uint8Array, consumed: number): void {
  write32(frame, TCP + SOURCE_PORT, ourPorts());
  write32(frame, TCP + SEQUENCE, read32(slab, TCP + ACKNOWLEDGMENT));
  write32(frame, TCP + ACKNOWLEDGMENT, read32(slab, TCP + SEQUENCE) + consumed);
}

/** Sends a template as the answer to the frame in the slab. */
function send(frame: Uint8Array<ArrayBuffer>, consumed: number): void {
  fill(frame, consumed);
  write(tun, frame, frame.length);
}

/** Whether an acknowledgment waits for the end of the batch. */
let acknowledges = false;

/** Acknowledges the frame in the slab, and what follows it on the same connection, once a batch. */
function acknowledgeSoon(consumed: number): void {
  if (read32(ACKNOWLEDGE, TCP + SOURCE_PORT) !== ourPorts()) acknowledgeNow();
  fill(ACKNOWLEDGE, consumed);
  acknowledges = true;
}

function acknowledgeNow(): void {
  if (acknowledges) write(tun, ACKNOWLEDGE, ACKNOWLEDGE.length);
  acknowledges = false;
}

/** Sends the frame in the slab back: where addresses and ports change places, sums stay the same. */
function echo(length: number, payload: number): void {
  const ports = ourPorts();
  const ack = read32(slab, TCP + SEQUENCE) + payload;
  slab.copyWithin(ETHERNET + ethernet.DESTINATION, ETHERNET + ethernet.SOURCE, ETHERNET + 12);
  writeMac(slab, ETHERNET + ethernet.SOURCE, MAC);
  write32(slab, IP + ipv4.SOURCE, ADDRESS);
  write32(slab, IP + ipv4.DESTINATION, CLIENT);
  write32(slab, TCP + SOURCE_PORT, ports);
  write32(slab, TCP + SEQUENCE, read32(slab, TCP + ACKNOWLEDGMENT));
  write32(slab, TCP + ACKNOWLEDGMENT, ack);
  write(tun, slab, length);
}

/** Answers a SYN. */
function open(port: number, headers: number): void {
  write32(slab, TCP + ACKNOWLEDGMENT, INITIAL_SEQUENCE);
  send(SYN_ACK, 1);
  if (port !== 19 && port !== 8080) return;
  readSegment(slab, TCP, headers - ipv4.HEADER_LENGTH, segment);
  readOptions(TCP, segment);
  const [source, end] = port === 19 ? [chargen, Infinity] : [large, 0];
  const scale = Math.max(0, segment.windowScale);
  const flow = new Flow(ourPorts(), INITIAL_SEQUENCE + 1, scale, source, end);
  flow.received = segment.seq + 1;
  bulk.add(flow);
}

/** Answers who asks for our MAC address, and learns the client's: the only one there is. */
function answerArp(length: number): void {
  const at = ETHERNET + ethernet.HEADER_LENGTH;
  if (!arp.isValid(slab, at, length - at) || read32(slab, at + arp.TARGET_IP) !== ADDRESS) return;
  const client = slab.slice(at + arp.SENDER_MAC, at + arp.SENDER_MAC + 6);
  const reply = new Uint8Array(at + arp.LENGTH);
  ethernet.emit(reply, ETHERNET, client, MAC, ethernet.TYPE_ARP);
  arp.emit(reply, at, arp.REPLY, MAC, ADDRESS, client, CLIENT);
  for (const frame of [SYN_ACK, ACKNOWLEDGE, GOODBYE, RESPONSE, LAST_RESPONSE, bulk.header]) {
    writeMac(frame, ETHERNET + ethernet.DESTINATION, client);
  }
  write(tun, reply, reply.length);
}

async function run(): Promise<never> {
  let active = -Infinity;
  let hadTurn = -Infinity;
  let wentBack = -Infinity;
  while (true) {
    let work = 0;
    let length: number;
    while (work < BATCH && (length = read(tun, slab, slab.length)) > 0) {
      answer(length);
      work++;
    }
    acknowledgeNow();
    work += bulk.send();
    const time = performance.now();
    if (work > 0) active = time;
    else sched_yield();
    if (time - wentBack >= PATIENCE) {
      bulk.goBack();
      wentBack = time;
    }
    if (work === 0 && time - active >= BUSY_POLL) {
      await poll.wait(bulk.waits ? PATIENCE : Infinity);
    } else if (time - hadTurn >= FAIRNESS) {
      await new Promise((resolve) => setImmediate(resolve));
      hadTurn = time;
    }
  }
}

Deno.addSignalListener("SIGTERM", () => Deno.exit(0));
Deno.stderr.writeSync(new TextEncoder().encode("serving on 192.168.69.2\n"));
await run();
