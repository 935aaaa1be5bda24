export { seededRandom } from "../device/random.ts";
