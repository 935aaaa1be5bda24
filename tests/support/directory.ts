/** A temporary directory, removed when it is disposed of. */
export class Directory implements AsyncDisposable {
  private constructor(
    /** Absolute path. */
    readonly path: string,
  ) {}

  /** Makes one. */
  static async create(): Promise<Directory> {
    return new Directory(await Deno.makeTempDir({ prefix: "taproom-" }));
  }

  /** The path of `name` inside. */
  join(name: string): string {
    return `${this.path}/${name}`;
  }

  /** Writes a file, and the directories above it, and returns its path. */
  async write(name: string, content: string): Promise<string> {
    const path = this.join(name);
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(path, content);
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
