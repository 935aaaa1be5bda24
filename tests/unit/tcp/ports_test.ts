import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../../runtime/device/random.ts";
import { IpAddress } from "../../../stack/ip/address.ts";
import { FlowTable } from "../../../stack/tcp/flow_table.ts";
import { SecretNumbers } from "../../../stack/tcp/isn.ts";
import { FIRST_LOCAL_PORT, LOCAL_PORTS, LocalPorts } from "../../../stack/tcp/ports.ts";

function routeTo(remote: string) {
  return {
    local: IpAddress.parse("10.0.0.1")!,
    remote: IpAddress.parse(remote)!,
    mtu: 1500,
    headerLength: 20,
    addressSum: 0,
  };
}

const ports = () => new LocalPorts(new FlowTable(1), new SecretNumbers(seededRandom(7)));
const free = () => false;

Deno.test("local ports to one remote end follow each other, from a start that is its own", () => {
  const local = ports();
  const first = local.choose(routeTo("10.0.0.2"), 80, free);
  assertEquals(local.choose(routeTo("10.0.0.2"), 80, free), first + 1);
  assert(Math.abs(local.choose(routeTo("10.0.0.2"), 81, free) - first) > 2);
});

Deno.test("connections to others do not show in the ports of most remote ends", () => {
  const local = ports();
  const watcher = routeTo("192.0.2.1");
  let steps = 0;
  for (let i = 2; i < 102; i++) {
    const before = local.choose(watcher, 80, free);
    local.choose(routeTo(`10.0.0.${i}`), 80, free);
    const after = local.choose(watcher, 80, free);
    if ((after - before + LOCAL_PORTS) % LOCAL_PORTS === 1) steps++;
  }
  assert(steps >= 95, `${100 - steps} of 100 connections showed`);
});

Deno.test("ports are within their range, ports that are taken are passed over, and all may be", () => {
  const local = ports();
  const route = routeTo("10.0.0.2");
  const seen = new Set<number>();
  for (let i = 0; i < LOCAL_PORTS; i++) seen.add(local.choose(route, 80, free));
  assertEquals(seen.size, LOCAL_PORTS);
  assertEquals(Math.min(...seen), FIRST_LOCAL_PORT);
  assertEquals(local.choose(route, 80, (port) => port !== 50_000), 50_000);
  assertEquals(local.choose(route, 80, () => true), 0);
});
