import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../../runtime/device/random.ts";
import { IpAddress } from "../../../stack/ip/address.ts";
import { SecretNumbers } from "../../../stack/tcp/isn.ts";
import { type Ends, SynCookies } from "../../../stack/tcp/syn_cookies.ts";
import { Segment } from "../../../stack/wire/tcp.ts";

const ENDS: Ends = {
  localAddress: IpAddress.parse("10.0.0.2")!,
  localPort: 80,
  remoteAddress: IpAddress.parse("10.0.0.1")!,
  remotePort: 40000,
};

function make(seed = 1): SynCookies {
  return new SynCookies(new SecretNumbers(seededRandom(seed)));
}

function syn(seq: number, mss: number): Segment {
  return Object.assign(new Segment(), { seq, mss });
}

/** The acknowledgment of a cookie, with the timestamp echo if there are options. */
function ack(seq: number, number: number, options?: number): Segment {
  return Object.assign(new Segment(), {
    seq: (seq + 1) | 0,
    ack: (number + 1) | 0,
    hasTimestamps: options !== undefined,
    timestampEcho: options === undefined ? 0 : 0x12345600 | options,
  });
}

Deno.test("a cookie says what it was made of, for all numbers and options", () => {
  const cookies = make();
  const random = seededRandom(2);
  for (let i = 0; i < 2000; i++) {
    const seq = random() | 0;
    const now = random() % 10_000_000;
    const windowScale = random() % 16 - 1;
    const sackPermitted = random() % 2 === 0;
    const options = cookies.optionsOf(windowScale, sackPermitted);
    const number = cookies.make(ENDS, syn(seq, 1460), options, now);
    assertEquals(number, number | 0);
    assertEquals(cookies.open(ENDS, ack(seq, number, options), now + random() % 60_000), {
      seq,
      mss: 1460,
      windowScale,
      sackPermitted,
    });
  }
});

Deno.test("no bit of a cookie, and nothing that it vouches for, can be changed", () => {
  const cookies = make();
  const options = cookies.optionsOf(7, true);
  const number = cookies.make(ENDS, syn(1000, 1460), options, 0);
  const opens = (ends: Ends, segment: Segment, by = cookies) =>
    by.open(ends, segment, 0) !== undefined;
  assert(opens(ENDS, ack(1000, number, options)));
  for (let bit = 0; bit < 32; bit++) {
    assert(!opens(ENDS, ack(1000, number ^ 1 << bit, options)), `bit ${bit}`);
    assert(
      !opens(ENDS, ack(1000 ^ 1 << bit, number, options)),
      `bit ${bit} of the sequence number`,
    );
  }
  for (let other = 0; other < 32; other++) {
    assertEquals(opens(ENDS, ack(1000, number, other)), other === options);
  }
  assert(!opens(ENDS, ack(1000, number)), "without timestamps");
  assert(!opens({ ...ENDS, remotePort: 40001 }, ack(1000, number, options)));
  assert(!opens({ ...ENDS, localPort: 81 }, ack(1000, number, options)));
  assert(!opens({ ...ENDS, remoteAddress: ENDS.localAddress }, ack(1000, number, options)));
  assert(!opens(ENDS, ack(1000, number, options), make(2)), "of another stack");
});

Deno.test("of 200,000 guesses none is taken for a cookie", () => {
  const cookies = make();
  for (let i = 0; i < 200_000; i++) {
    assertEquals(cookies.open(ENDS, ack(1000, (i * 21_474) | 0), 0), undefined);
  }
});

Deno.test("no bit of the numbers is the same for many peers", () => {
  const cookies = make();
  const ones = new Int32Array(32);
  for (let remotePort = 0; remotePort < 1000; remotePort++) {
    const number = cookies.make({ ...ENDS, remotePort }, syn(1000, 1460), undefined, 0);
    for (let bit = 0; bit < 32; bit++) ones[bit]! += number >>> bit & 1;
  }
  for (const count of ones) assert(count > 400 && count < 600, ones.join());
});

Deno.test("options in a timestamp never make it later than it is, wrap included", () => {
  const cookies = make();
  for (const now of [0, 1, 31, 32, 1_000_000, 0x7fffffff, -1, -0x80000000]) {
    for (let options = 0; options < 32; options++) {
      const stamped = cookies.stamp(now, options);
      const earlier = (now - stamped) | 0;
      assert(earlier >= 0 && earlier < 32, `${now} ${options}`);
      assertEquals(stamped & 31, options);
    }
  }
});
