/** Why a reply has no answer: the code stored on it, and what a person is told. */
export const REPLY_ERRORS = {
  PROMPT_BLOCKED: 'The model refused this prompt. Try other words.',
  REPLY_BLOCKED: 'The model stopped its answer for safety reasons. Try other words.',
  CONTEXT_TOO_LONG: 'The conversation is too long for the model. Start a new chatroom.',
  MODEL_RATE_LIMITED: 'The model is busy. Send the prompt again in a moment.',
  MODEL_DAILY_QUOTA_EXHAUSTED: 'The model is not available any more today.',
  MODEL_UNAVAILABLE: 'The model could not be reached. Send the prompt again.',
  MODEL_TIMEOUT: 'The model took too long. Send the prompt again.',
  MODEL_TRUNCATED: 'The answer broke off. Send the prompt again.',
  MODEL_EMPTY: 'The model gave no answer. Send the prompt again.',
  MODEL_REJECTED: 'The model did not accept the request.',
  REPLY_INTERRUPTED: 'The answer was interrupted too often. Send the prompt again.',
} as const;

export type ReplyErrorCode = keyof typeof REPLY_ERRORS;
