// Numbers of <errno.h> that the devices tell apart; the same on x86-64 and arm64.

export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const ENXIO = 6;
export const EAGAIN = 11;
export const EACCES = 13;
export const EBUSY = 16;
export const ENODEV = 19;
export const EINVAL = 22;
export const ENOTTY = 25;
export const EADDRNOTAVAIL = 99;

const NAMES: Readonly<Record<number, string>> = {
  [EPERM]: "EPERM",
  [ENOENT]: "ENOENT",
  [EINTR]: "EINTR",
  [ENXIO]: "ENXIO",
  [EAGAIN]: "EAGAIN",
  [EACCES]: "EACCES",
  [EBUSY]: "EBUSY",
  [ENODEV]: "ENODEV",
  [EINVAL]: "EINVAL",
  [ENOTTY]: "ENOTTY",
  [EADDRNOTAVAIL]: "EADDRNOTAVAIL",
};

/** The name of an error number, for messages: `EPERM`, or `errno 5` where it has none here. */
export function errnoName(errno: number): string {
  return NAMES[errno] ?? `errno ${errno}`;
}
