import { assertEquals, assertRejects } from "@std/assert";
import { ConfigError } from "../../../runtime/config/config.ts";
import { embeddedDefault } from "../../../runtime/config/default.ts";
import { loadConfig } from "../../../runtime/config/load.ts";

const UNREADABLE: [name: string, error: Error, message: string][] = [
  [
    "missing",
    new Deno.errors.NotFound("No such file or directory (os error 2)"),
    "app.jsonc: expected a config file, found no such file",
  ],
  [
    "a directory",
    new Deno.errors.IsADirectory("Is a directory (os error 21)"),
    "app.jsonc: expected a config file, found a directory",
  ],
  [
    "forbidden to this user",
    new Deno.errors.PermissionDenied("Permission denied (os error 13)"),
    "app.jsonc: the config file cannot be read: the system denies permission to this user",
  ],
  [
    "broken",
    new Error("Input/output error (os error 5)"),
    "app.jsonc: the config file cannot be read: Input/output error (os error 5)",
  ],
];

for (const [name, error, message] of UNREADABLE) {
  Deno.test(`config: a file that is ${name} is reported in one line`, async () => {
    const thrown = await assertRejects(
      () => loadConfig("app.jsonc", () => Promise.reject(error)),
      ConfigError,
    );
    assertEquals(thrown.message, message);
  });
}

Deno.test("config: what is missing of Deno's permissions is told as such", async () => {
  const error = new Deno.errors.NotCapable('Requires read access to "app.jsonc"');
  const thrown = await assertRejects(
    () => loadConfig("app.jsonc", () => Promise.reject(error)),
    Deno.errors.NotCapable,
  );
  assertEquals(thrown, error);
});

Deno.test("config: files are read from the file system by default", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const thrown = await assertRejects(() => loadConfig(directory), ConfigError);
    assertEquals(thrown.message, `${directory}: expected a config file, found a directory`);
    const file = `${directory}/app.jsonc`;
    const missing = await assertRejects(() => loadConfig(file), ConfigError);
    assertEquals(missing.message, `${file}: expected a config file, found no such file`);
    await Deno.writeTextFile(file, JSON.stringify(embeddedDefault()));
    assertEquals(await loadConfig(file), embeddedDefault());
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
