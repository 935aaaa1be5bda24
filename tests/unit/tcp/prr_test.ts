import { assert, assertEquals } from "@std/assert";
import { ProportionalRateReduction } from "../../../stack/tcp/prr.ts";

const MSS = 1000;

Deno.test("the first retransmission leaves at once", () => {
  const prr = new ProportionalRateReduction();
  prr.begin(20 * MSS);
  assertEquals(prr.window(0, 18 * MSS, 14 * MSS, false, MSS), 19 * MSS);
});

Deno.test("while more than ssthresh is in flight, sending is to delivery as ssthresh to what was in flight", () => {
  const prr = new ProportionalRateReduction();
  prr.begin(20 * MSS);
  let pipe = 20 * MSS;
  let sent = 0;
  for (let delivered = 1; pipe > 10 * MSS; delivered++) {
    pipe -= MSS;
    const room = prr.window(MSS, pipe, 10 * MSS, false, MSS) - pipe;
    for (let i = MSS; i <= room; i += MSS) {
      prr.sent(MSS);
      pipe += MSS;
      sent++;
    }
    assert(delivered > 40 || Math.abs(sent - delivered / 2) <= 1, `${sent} for ${delivered}`);
    if (delivered > 40) throw new Error("the window does not come down");
  }
});

Deno.test("below ssthresh as much is sent as was delivered, and one segment more if all goes well", () => {
  const prr = new ProportionalRateReduction();
  prr.begin(20 * MSS);
  prr.sent(MSS);
  assertEquals(prr.window(2 * MSS, 4 * MSS, 10 * MSS, false, MSS), 6 * MSS);
  prr.sent(2 * MSS);
  assertEquals(prr.window(2 * MSS, 4 * MSS, 10 * MSS, true, MSS), 7 * MSS);
});

Deno.test("it never goes beyond ssthresh", () => {
  const prr = new ProportionalRateReduction();
  prr.begin(20 * MSS);
  prr.sent(MSS);
  assertEquals(prr.window(15 * MSS, 4 * MSS, 10 * MSS, true, MSS), 10 * MSS);
});
