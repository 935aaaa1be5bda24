import { assertEquals } from "@std/assert";
import { IpAddress } from "../../../stack/ip/address.ts";
import type { Connection } from "../../../stack/tcp/api.ts";
import { Pair } from "./pair.ts";

Deno.test("the buffers and the congestion control of a connection are those of the config", async () => {
  const config = { sendBuffer: 70_000, receiveBuffer: 65_536, congestion: "reno" } as const;
  await using pair = new Pair({}, config);
  pair.listen(7, () => {});
  const { promise, resolve, reject } = Promise.withResolvers<Connection>();
  pair.client.stack.connect({ address: IpAddress.parse("192.168.69.2")!, port: 7 }, {
    established: resolve,
    failed: reject,
  });
  const connection = await promise;
  const { congestion, receiveScale } = connection.info();
  assertEquals([connection.writableBytes, receiveScale, congestion], [70_000, 1, "reno"]);
  connection.abort();
});
