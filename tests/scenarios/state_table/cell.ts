import type { TcpFlag } from "../../../runtime/testing/packet.ts";

/** The states of the table: those of RFC 9293 section 3.3.2, Syn_rcvd by either way into it. */
export const STATES = [
  "Closed",
  "Listen",
  "Syn_sent",
  "Syn_rcvd",
  "Syn_rcvd, both opened",
  "Established",
  "Fin_wait_1",
  "Fin_wait_2",
  "Close_wait",
  "Closing",
  "Last_ack",
  "Time_wait",
] as const;

/** A row of the table. */
export type State = typeof STATES[number];

/** The control bits of the table. */
export const CONTROLS = [
  "none",
  "ACK",
  "SYN",
  "SYN ACK",
  "RST",
  "RST ACK",
  "FIN",
  "FIN ACK",
] as const;

/** Where SEG.SEQ lies. */
export const SEQS = {
  /** Far below RCV.NXT: all of the segment is old. */
  "below": "RCV.NXT - 100",
  /** One below RCV.NXT: only the first number of the segment is old. */
  "just below": "RCV.NXT - 1",
  "at": "RCV.NXT",
  "inside": "RCV.NXT + 100",
  /** The last number of the window. */
  "edge": "RCV.NXT + RCV.WND - 1",
  "beyond": "RCV.NXT + RCV.WND",
} as const;

/** Where SEG.ACK lies. */
export const ACKS = {
  /** Older than any window ever was: RFC 5961 section 5. */
  "ancient": "SND.UNA - MAX.SND.WND - 1",
  "old": "SND.UNA - 1",
  "duplicate": "SND.UNA",
  /** Everything that was sent; the same as "duplicate" where nothing is in flight. */
  "acceptable": "SND.NXT",
  "unsent": "SND.NXT + 1",
} as const;

/** Bytes of text in the cells that have some. */
export const TEXT = 10;

/** One segment in one state. */
export interface Cell {
  readonly state: State;
  /**
   * How the application has ended its direction, in the states after our FIN: with `close()` it
   * has left, and what arrives is acknowledged and discarded.
   */
  readonly left: boolean;
  readonly control: typeof CONTROLS[number];
  /** It carries {@link TEXT} bytes. */
  readonly text: boolean;
  readonly seq: keyof typeof SEQS;
  /** Without ACK there is none. */
  readonly ack: keyof typeof ACKS | undefined;
}

/** What must come of a cell. */
export interface Expected {
  /**
   * The segments that answer, in the words of a segment script with symbols for numbers; an answer
   * to text in order may come up to half a second later.
   */
  readonly replies: readonly string[];
  /** State afterwards; `"gone"` where there is no connection any more. */
  readonly next: State | "gone";
  /** Bytes that the application can read afterwards. */
  readonly readable: number;
}

/** States in which our FIN is out, so that it matters how the application has left. */
export const AFTER_OUR_FIN: readonly State[] = [
  "Fin_wait_1",
  "Fin_wait_2",
  "Closing",
  "Last_ack",
  "Time_wait",
];

/** All cells of a state. */
export function* cellsOf(state: State): Generator<Cell> {
  for (const left of AFTER_OUR_FIN.includes(state) ? [false, true] : [false]) {
    for (const control of CONTROLS) {
      const acks = control.includes("ACK")
        ? Object.keys(ACKS) as (keyof typeof ACKS)[]
        : [undefined];
      for (const text of [false, true]) {
        for (const seq of Object.keys(SEQS) as (keyof typeof SEQS)[]) {
          for (const ack of acks) yield { state, left, control, text, seq, ack };
        }
      }
    }
  }
}

/** The flags of a cell. */
export function flagsOf(cell: Cell): TcpFlag[] {
  return cell.control === "none" ? [] : cell.control.split(" ") as TcpFlag[];
}

/** A cell in words. */
export function nameOf(cell: Cell): string {
  const { state, left, control, text, seq, ack } = cell;
  return `${state}${left ? " after close()" : ""}: ${control}${text ? " with text" : ""}, ` +
    `seq ${seq}${ack === undefined ? "" : `, ack ${ack}`}`;
}
