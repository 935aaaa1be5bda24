/**
 * For tests of listener modules, and of the stack itself, in virtual time and without root.
 *
 * - {@link network}: hosts on a wire, with any network weather, for tests of listener modules;
 * - {@link scenario}: one stack and scripted peers that send and expect segment by segment;
 * - {@link gone}: nothing is left in a stack;
 * - {@link encodePacket} and {@link decodePacket}: frames as plain objects.
 *
 * @module
 */
export * from "./gone.ts";
export * from "./lan.ts";
export * from "./network.ts";
export * from "./observed_connection.ts";
export * from "./packet.ts";
export * from "./packet_decode.ts";
export * from "./packet_encode.ts";
export * from "./scenario.ts";
export * from "./scripted_peer.ts";
export * from "./segment_script.ts";
export * from "./test_host.ts";
export { ImpairedDevice, type Impairment } from "../device/impairment.ts";
export { seededRandom } from "../device/random.ts";
