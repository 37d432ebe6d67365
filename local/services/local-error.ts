/** Something the person at the terminal can put right: its message is printed alone, without a stack. */
export class LocalError extends Error {
  override name = 'LocalError';
}
