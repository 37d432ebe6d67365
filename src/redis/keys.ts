/** Streams lie in so many slots of a cluster: one command subscribes to many of them, but only of one slot. */
const STREAM_SHARDS = 32;

/**
 * Every Redis key of ours, in one place (BullMQ keeps its own below QUEUE_PREFIX). The part in braces decides the
 * cluster slot, so that what one script touches lies together.
 */
export const keys = {
  /** Hash: the pages of a person's room list that are cached, and a version. */
  chatroomList: (userId: string) => `chatrooms:{${userId}}`,
  /** String: that a session is live, or a lease to write that. */
  session: (userId: string, sessionId: string) => `session:{${userId}}:${sessionId}`,
  /** Hash: the one live code of a number for what it is good for (and, where that is so, for whom alone). */
  otp: (scope: string, mobile: string) => `otp:{${mobile}}:${scope}`,
  /** String: the last code sent to a number, for as long as no other may be. */
  otpPause: (mobile: string) => `otp-pause:{${mobile}}`,
  /** Sorted sets, scored by time: the codes sent to a number, and the wrong guesses at them. */
  otpSends: (mobile: string) => `otp-sends:{${mobile}}`,
  otpGuesses: (mobile: string) => `otp-guesses:{${mobile}}`,
  /** Hash: failures in a row at a number, and until when it is locked for them. */
  otpFailures: (mobile: string) => `otp-failures:{${mobile}}`,
  /** Sorted sets, scored by time: the codes asked for from an address, and the wrong guesses from there. */
  otpSendsFrom: (address: string) => `otp-sends-from:{${address}}`,
  otpGuessesFrom: (address: string) => `otp-guesses-from:{${address}}`,
  /** Sorted sets, scored by time: the codes sent to like numbers, to a country calling code, and in all. */
  otpSendsToPrefix: (prefix: string) => `otp-sends-to-prefix:{${prefix}}`,
  otpSendsToDialCode: (dialCode: string) => `otp-sends-to-dial-code:{${dialCode}}`,
  otpSendsTotal: 'otp-sends-total',
  /** String: that one of those three was reached and operators were told. */
  otpCapTold: (cap: string, dialCode: string) => `otp-cap-told:{${cap}}:${dialCode}`,
  /** Hash: a sign-up whose number is not verified yet. */
  signup: (mobile: string) => `signup:{${mobile}}`,
  /** Sorted set, scored by time: the sign-ups with a password from an address. */
  signupsFrom: (address: string) => `signups-from:{${address}}`,
  /** Hashes: wrong passwords for a number, with or without an account, and until when it is locked; and those of its owner. */
  passwordGuesses: (mobile: string) => `password-guesses:{${mobile}}`,
  passwordChangeGuesses: (mobile: string) => `password-guesses:{${mobile}}:change`,
  /** String: wrong passwords from one address. */
  passwordGuessesFrom: (ip: string) => `password-guesses-from:{${ip}}`,
  /** Sorted sets, scored by time: the failures of a person that were noted, and those that were alike. */
  failures: (userId: string) => `failures:{${userId}}`,
  failuresAlike: (userId: string, alike: string) => `failures-alike:{${userId}}:${alike}`,
  /** Sorted set: the prompts that a person was charged for on one UTC day (yyyy-mm-dd). */
  usage: (userId: string, day: string) => `usage:{${userId}}:${day}`,
  /** Sorted set, scored by time: the wrong passwords of operators from an address. */
  operatorGuessesFrom: (address: string) => `operator-guesses-from:{${address}}`,
  /** Strings: the requests of a person, and from an address, in this minute. */
  requestsOf: (userId: string) => `requests:{${userId}}`,
  requestsFrom: (address: string) => `requests-from:{${address}}`,
  /** String: an idempotent request that is being carried out. */
  runningRequest: (userId: string, key: string) => `running:{${userId}}:${key}`,
  /** String: who sweeps for owed replies in this interval. */
  replySweep: 'reply-sweep',
  /** String: who deletes in this interval what is past its time. */
  pruning: 'pruning',
  /** Stream: the live text of one reply. Each entry is published, too, below the same name. */
  replyStream: (replyId: string) => `reply-stream:{${streamShard(replyId)}}:${replyId}`,
} as const;

/** Where the stream of a reply lies: `s0` to `s31`, by the random end of its id (UUIDv7). */
const streamShard = (replyId: string): string => `s${Number.parseInt(replyId.slice(-4), 16) % STREAM_SHARDS}`;

/** Pub/sub: that the reply got its final state. What is written to its stream is published below the stream's own name. */
export const replyFinalChannel = (replyId: string): string =>
  `reply-final:{${streamShard(replyId)}}:${replyId}`;

export const QUEUE_PREFIX = '{queue}';
