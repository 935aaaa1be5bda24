import type { ObservedConnection } from "../../runtime/testing/observed_connection.ts";
import type { TcpFlag } from "../../runtime/testing/packet.ts";
import { type Scenario, scenario, type ScenarioOptions } from "../../runtime/testing/scenario.ts";
import type {
  OpenOptions,
  ReceivedSegment,
  ScriptedPeer,
} from "../../runtime/testing/scripted_peer.ts";

/** A scenario, one peer, and the application's side of their connection. */
export interface Established {
  t: Scenario;
  peer: ScriptedPeer;
  app: ObservedConnection;
}

/** A connection that the peer has opened to port 80. */
export function established(options: ScenarioOptions = {}, open: OpenOptions = {}): Established {
  const t = scenario({ listen: 80, ...options });
  const peer = t.peer();
  return { t, peer, app: peer.open(open) };
}

/** A connection that the stack has opened to the peer's port 80. */
export function connected(options: ScenarioOptions = {}): Established {
  const t = scenario(options);
  const peer = t.peer({ port: 80 });
  const attempt = t.connect(peer);
  peer.expect("SYN seq=0");
  peer.send("SYN ACK seq=0 ack=1 mss=1460");
  peer.expect("ACK seq=1 ack=1");
  return { t, peer, app: attempt.connection! };
}

/** {@link established}, and then our FIN is out and the peer's is not: FIN_WAIT_1. */
export function finWait1(options: ScenarioOptions = {}): Established {
  const all = established(options);
  all.app.connection.close();
  all.peer.expect("FIN ACK seq=1 ack=1");
  return all;
}

/** {@link finWait1}, and then the peer has acknowledged: FIN_WAIT_2. */
export function finWait2(options: ScenarioOptions = {}): Established {
  const all = finWait1(options);
  all.peer.send("ACK seq=1 ack=2");
  return all;
}

/** {@link finWait2}, and then the peer's FIN: TIME_WAIT. */
export function timeWait(options: ScenarioOptions = {}): Established {
  const all = finWait2(options);
  all.peer.send("FIN ACK seq=1 ack=2");
  all.peer.expect("ACK seq=2 ack=2");
  return all;
}

/** {@link established}, and then the peer's FIN: CLOSE_WAIT. */
export function closeWait(options: ScenarioOptions = {}): Established {
  const all = established(options);
  all.peer.send("FIN ACK seq=1 ack=1");
  all.peer.expect("ACK seq=1 ack=2");
  return all;
}

/** {@link closeWait}, and then our FIN: LAST_ACK. */
export function lastAck(options: ScenarioOptions = {}): Established {
  const all = closeWait(options);
  all.app.connection.close();
  all.peer.expect("FIN ACK seq=1 ack=2");
  return all;
}

/** {@link finWait1}, and then the peer's FIN, sent before it saw ours: CLOSING. */
export function closing(options: ScenarioOptions = {}): Established {
  const all = finWait1(options);
  all.peer.send("FIN ACK seq=1 ack=1");
  all.peer.expect("ACK seq=2 ack=2");
  return all;
}

/** How many of the segments have the flag. */
export function countOf(segments: readonly ReceivedSegment[], flag: TcpFlag): number {
  return segments.filter(({ flags }) => flags.includes(flag)).length;
}

/** When the segments came, in whole milliseconds. */
export function timesOf(segments: readonly ReceivedSegment[]): number[] {
  return segments.map(({ time }) => Math.round(time));
}

/** The last line of the log that moves a connection: `Fin_wait_1 123` for "{ Fin_wait_1 123 }". */
export function lastState(t: Scenario): string | undefined {
  return /\{ ([^}]*) \}$/.exec(t.log.at(-1) ?? "")?.[1];
}
