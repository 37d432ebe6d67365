/** Redis channel: what is published there goes to every open stream of the limit. */
export const LIMIT_STREAMS = 'limit-streams';
