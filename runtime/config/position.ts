/** Where something stands in a text; both count from 1, columns in UTF-16 code units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Line and column of an offset in a text. Lines end with LF, CRLF or CR. */
export function positionAt(text: string, offset: number): Position {
  let line = 1;
  let start = 0;
  for (const match of text.matchAll(/\r\n|\n|\r/g)) {
    const next = match.index + match[0].length;
    if (next > offset) break;
    line++;
    start = next;
  }
  return { line, column: offset - start + 1 };
}

/** A value in a JSONC text: where it begins, and the values within it. */
export interface JsoncNode {
  /** Offset of the value's first character. */
  readonly offset: number;
  /** Members of an object or entries of an array; the last one where a key is repeated. */
  readonly children: ReadonlyMap<string | number, JsoncNode>;
  /** Offset of each member's key, for an object; all of them where a key is repeated. */
  readonly keys: ReadonlyMap<string, readonly number[]>;
}

/**
 * Finds where the values and keys of a JSONC text stand.
 *
 * @param text A text that `@std/jsonc` has parsed: nothing is checked again here.
 */
export function locate(text: string): JsoncNode {
  // Comments, strings, single characters of structure, and everything else that is no blank.
  const token = /\/\/[^\r\n]*|\/\*[^]*?\*\/|"(?:\\[^]|[^"\\])*"|[{}[\]:,]|[^\s{}[\]:,"/]+/g;
  const tokens = [...text.matchAll(token)].filter(([word]) => !word.startsWith("/"));
  let next = 0;

  function value(): JsoncNode {
    const { 0: word, index: offset } = tokens[next++]!;
    const children = new Map<string | number, JsoncNode>();
    const keys = new Map<string, number[]>();
    if (word === "{") {
      while (peek() !== "}") {
        const { 0: quoted, index } = tokens[next]!;
        const key = JSON.parse(quoted) as string;
        next += 2;
        keys.set(key, [...keys.get(key) ?? [], index]);
        children.set(key, value());
        if (peek() === ",") next++;
      }
      next++;
    } else if (word === "[") {
      while (peek() !== "]") {
        children.set(children.size, value());
        if (peek() === ",") next++;
      }
      next++;
    }
    return { offset, children, keys };
  }

  function peek(): string {
    return tokens[next]![0];
  }

  return value();
}
