/**
 * A queue of things that wait for their turn.
 *
 * ```text
 *   #items   [ gone gone  a  b  c ]
 *              0          #first      gone ones are cut off when they are more than half
 * ```
 */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #first = 0;

  /** How many are waiting. */
  get size(): number {
    return this.#items.length - this.#first;
  }

  /** Whose turn it is. */
  get head(): T | undefined {
    return this.#items[this.#first];
  }

  /** Who came last. */
  get tail(): T | undefined {
    return this.size === 0 ? undefined : this.#items[this.#items.length - 1];
  }

  /** Puts one at the end. */
  push(item: T): void {
    this.#items.push(item);
  }

  /** Takes the one whose turn it is. */
  shift(): T | undefined {
    const item = this.#items[this.#first];
    if (item === undefined) return undefined;
    this.#items[this.#first++] = undefined;
    if (this.#first * 2 > this.#items.length) {
      this.#items.splice(0, this.#first);
      this.#first = 0;
    }
    return item;
  }
}
