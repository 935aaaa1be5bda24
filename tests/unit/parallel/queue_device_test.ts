import { assert } from "@std/assert";
import { loopbackPair } from "../../../runtime/device/loopback.ts";
import { Mailbox } from "../../../runtime/parallel/mailbox.ts";
import { QueueDevice } from "../../../runtime/parallel/queue_device.ts";
import { Frame } from "../../../stack/wire/frame.ts";
import { testDeviceCompliance } from "../../support/device_compliance.ts";

testDeviceCompliance("queue device", () => {
  const [queue, other] = loopbackPair();
  const device = new QueueDevice({
    queue,
    config: {
      device: { type: "tap", name: "tap0", offload: false, queues: 2, busyPoll: 0 },
      mac: "02:00:00:00:00:02",
      addresses: ["192.168.69.2/24"],
      mtu: 1500,
    },
    index: 0,
    mailboxes: [new Mailbox(), new Mailbox()],
    serving: () => 0b11,
    wake: () => {},
    busy: () => {},
  });
  const frame = new Frame();
  return {
    device,
    far: {
      send: (bytes) => assert(other.transmit(new Frame(bytes))),
      take: () => other.receive(frame) ? frame.view().slice() : undefined,
    },
    async [Symbol.asyncDispose]() {
      await device.close();
      await other.close();
    },
  };
});
