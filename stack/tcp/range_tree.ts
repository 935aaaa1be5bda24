import { seqGeq, seqLt } from "./sequence.ts";
import type { Transmission } from "./transmission.ts";

/**
 * The ranges of a flight as a balanced tree (AVL), by sequence number, so that none has to be
 * walked past to find one: a peer chooses where its SACK blocks lie, and how far apart.
 *
 * ```text
 *                 [ 40, 50 )               `previous` and `next` lead through the ranges in order;
 *               /            \             the tree is made of `left`, `right` and `parent`.
 *        [ 10, 30 )        [ 60, 65 )      `somethingWaits` tells whether something is to be sent
 *        /        \        /              again here or below.
 *   [ 0, 10 ) [ 30, 40 ) [ 50, 60 )
 * ```
 */
export class RangeTree {
  #root: Transmission | undefined = undefined;

  /** The range that holds a sequence number; `undefined` if none does. */
  find(seq: number): Transmission | undefined {
    let range = this.#root;
    while (range !== undefined) {
      if (seqLt(seq, range.start)) range = range.left;
      else if (seqGeq(seq, range.end)) range = range.right;
      else break;
    }
    return range;
  }

  /** The lowest range that waits to be sent again; `undefined` if none does. */
  get firstWaiting(): Transmission | undefined {
    const root = this.#root;
    if (root === undefined || !root.somethingWaits) return undefined;
    let range: Transmission = root;
    for (;;) {
      if (range.left?.somethingWaits) range = range.left;
      else if (range.waits) return range;
      else range = range.right!;
    }
  }

  /** Takes up a range that is in its place among its neighbors by `previous` and `next`. */
  insert(range: Transmission): void {
    const { previous, next } = range;
    // Of two neighbors one is below the other: there is room at the lower one.
    if (previous !== undefined && previous.right === undefined) {
      previous.right = range;
      range.parent = previous;
    } else if (next !== undefined) {
      next.left = range;
      range.parent = next;
    } else this.#root = range;
    update(range);
    this.#balance(range.parent);
  }

  /** Takes out a range; it still is in its place among its neighbors. */
  remove(range: Transmission): void {
    const { left, right, parent } = range;
    if (left === undefined || right === undefined) {
      this.#replace(range, left ?? right);
      this.#balance(parent);
    } else {
      // The next range is the lowest of those on the right: it takes the place.
      const heir = range.next!;
      let from = heir;
      if (heir !== right) {
        from = heir.parent!;
        this.#replace(heir, heir.right);
        heir.right = right;
        right.parent = heir;
      }
      this.#replace(range, heir);
      heir.left = left;
      left.parent = heir;
      heir.height = range.height;
      heir.somethingWaits = range.somethingWaits;
      this.#balance(from);
      this.refresh(heir);
    }
    range.left = range.right = range.parent = undefined;
  }

  /** Whether a range waits to be sent again has changed, or may have. */
  refresh(range: Transmission): void {
    for (let at: Transmission | undefined = range; at !== undefined; at = at.parent) {
      const before = at.somethingWaits;
      update(at);
      if (at.somethingWaits === before) return;
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#root = undefined;
  }

  /** Goes up from where something was put or taken, as far as that makes a difference. */
  #balance(range: Transmission | undefined): void {
    while (range !== undefined) {
      const { height, somethingWaits } = range;
      update(range);
      const lean = leanOf(range);
      if (lean > 1) {
        const left: Transmission = range.left!;
        if (leanOf(left) < 0) this.#lift(left.right!);
        range = this.#lift(range.left!);
      } else if (lean < -1) {
        const right: Transmission = range.right!;
        if (leanOf(right) > 0) this.#lift(right.left!);
        range = this.#lift(range.right!);
      }
      if (range.height === height && range.somethingWaits === somethingWaits) return;
      range = range.parent;
    }
  }

  /** Puts a range above its parent; returns the range. */
  #lift(range: Transmission): Transmission {
    const parent = range.parent!;
    this.#replace(parent, range);
    if (parent.left === range) {
      parent.left = range.right;
      if (range.right !== undefined) range.right.parent = parent;
      range.right = parent;
    } else {
      parent.right = range.left;
      if (range.left !== undefined) range.left.parent = parent;
      range.left = parent;
    }
    parent.parent = range;
    update(parent);
    update(range);
    return range;
  }

  /** Has the parent of a range refer to another in its stead. */
  #replace(range: Transmission, by: Transmission | undefined): void {
    const { parent } = range;
    if (parent === undefined) this.#root = by;
    else if (parent.left === range) parent.left = by;
    else parent.right = by;
    if (by !== undefined) by.parent = parent;
  }
}

/** What a range knows of what is below it. */
function update(range: Transmission): void {
  const { left, right } = range;
  range.height = 1 + Math.max(left?.height ?? 0, right?.height ?? 0);
  range.somethingWaits = range.waits || left?.somethingWaits === true ||
    right?.somethingWaits === true;
}

/** How much higher it is on the left. */
function leanOf({ left, right }: Transmission): number {
  return (left?.height ?? 0) - (right?.height ?? 0);
}
