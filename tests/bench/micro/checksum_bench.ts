import { fold, sum } from "../../../stack/wire/checksum.ts";
import { measure } from "./reference.ts";

const bytes = new Uint8Array(65_536).map((_, i) => i * 7);

measure("checksum of 64 KiB", () => fold(sum(bytes, 0, 65_535, 0)));

measure("checksum of 100 segments of 1460 bytes", () => {
  let total = 0;
  for (let i = 0; i < 100; i++) total += fold(sum(bytes, 54 + i * 100, 1460, i));
  return total;
});

measure("checksum of 1000 headers of 20 bytes", () => {
  let total = 0;
  for (let i = 0; i < 1000; i++) total += fold(sum(bytes, 14 + i * 2, 20, i));
  return total;
});
