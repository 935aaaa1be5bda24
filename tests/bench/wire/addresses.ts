// Who is who on the wire.

/** The kernel at the far end. */
export const FAR = "192.168.69.1";
/** Taproom, at the near end. */
export const TAPROOM = "192.168.69.2";
/** The kernel at the near end. */
export const NEAR = "192.168.69.3";
/** Taproom's station. */
export const TAPROOM_MAC = "02:00:00:00:00:02";
