import { seededRandom } from "../../runtime/device/random.ts";

/** The dice of one seed. */
export class Dice {
  readonly #random: () => number;

  /** @param seed Any integer. */
  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** A number from 0 to 1, without 1. */
  unit(): number {
    return this.#random() / 2 ** 32;
  }

  /** Whether something of this probability happens. */
  chance(probability: number): boolean {
    return this.unit() < probability;
  }

  /** A whole number, both ends included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.unit() * (most - least + 1));
  }

  /** A whole number of any magnitude: small ones are as likely as large ones. */
  magnitude(least: number, most: number): number {
    return Math.round(least * (most / least) ** this.unit());
  }

  /** One of them. */
  one<T>(...choices: readonly T[]): T {
    return choices[this.whole(0, choices.length - 1)]!;
  }
}
