// The version of everything that two processes of heyvm say to each other.

/** `major` must match; a higher `minor` may add methods and optional fields only. */
export const PROTOCOL = { major: 1, minor: 1 } as const;

/** The version of the records on disk; a record with a higher one is left alone. */
export const RECORD_VERSION = 1;
