/** What can stand in a {@link Line}: the links are in the object itself. */
export interface Lined {
  /** The line that it stands in. */
  line: object | undefined;
  /** Who stands behind it. */
  behind: Lined | undefined;
  /** Who stands before it. */
  before: Lined | undefined;
}

/**
 * Things in the order in which they came, of which any may leave. Each stands in one line at most.
 *
 * To come and to leave costs a few assignments, and no memory. A `Set` would do the same; but each
 * time that it makes itself a new table, the old one goes on pointing to it, and if the old one has
 * lived for long, all that was in the tables since lives as long as it does: most connections would
 * survive the quick collections of young garbage.
 */
export class Line<T extends Lined> implements Iterable<T> {
  /** How many there are. */
  size = 0;
  /** Who came first. */
  first: T | undefined = undefined;
  #last: T | undefined = undefined;

  /** Whether something stands in it. */
  has(item: T): boolean {
    return item.line === this;
  }

  /** Puts something that stands in no line at the end. */
  add(item: T): void {
    item.line = this;
    item.before = this.#last;
    if (this.#last === undefined) this.first = item;
    else this.#last.behind = item;
    this.#last = item;
    this.size++;
  }

  /** Takes something out; harmless if it does not stand in it. */
  delete(item: T): void {
    if (item.line !== this) return;
    const before = item.before as T | undefined;
    const behind = item.behind as T | undefined;
    if (before === undefined) this.first = behind;
    else before.behind = behind;
    if (behind === undefined) this.#last = before;
    else behind.before = before;
    item.line = item.before = item.behind = undefined;
    this.size--;
  }

  /** All of them in their order; the one that was last given may leave meanwhile. */
  *[Symbol.iterator](): Iterator<T> {
    for (let item = this.first; item !== undefined;) {
      const behind = item.behind as T | undefined;
      yield item;
      item = behind;
    }
  }
}
