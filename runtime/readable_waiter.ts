/** Who waits for something to read without lending a buffer for the time of the wait. */
export interface ReadableWaiter {
  /** A read would not wait now. It is not to be begun before this call has returned. */
  readable(): void;
}
