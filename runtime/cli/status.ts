/** Exit statuses of the command line; those above 2 are those of `sysexits.h`. */
export const STATUS = {
  /** Done; also after a drain, however it had to be ended. */
  done: 0,
  /** Failure at run time. */
  failure: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** A device is not there, or somebody else has it. */
  unavailable: 69,
  /** Deno or the system denies a permission. */
  permission: 77,
  /** The config, or a module that it names, cannot be used. */
  config: 78,
} as const;

/** An exit status. */
export type Status = typeof STATUS[keyof typeof STATUS];
