import { definition } from "./definition.ts";
import { z } from "zod";

/** Where the JSON Schema of the config file lies. */
export const schemaUrl: URL = new URL("../config.schema.json", import.meta.url);

/** The JSON Schema of the config file, as text. */
export function schemaText(): string {
  const schema = z.toJSONSchema(definition, { io: "input" });
  return `${JSON.stringify({ ...schema, title: "Taproom config" }, null, 2)}\n`;
}

if (import.meta.main) await Deno.writeTextFile(schemaUrl, schemaText());
