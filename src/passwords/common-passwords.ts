import { registerDecorator, type ValidationArguments } from 'class-validator';
import { PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN } from './passwords.js';

/** Fewer digits than this are no telephone number. */
const NUMBER_DIGITS_MIN = 6;

/** As compared: however it is typed, capitalised and spaced around. */
const folded = (password: string): string => password.normalize('NFKC').trim().toLowerCase();

let common: Promise<ReadonlySet<string>> | undefined;

/**
 * The 18,000 most used ones that are long enough to be accepted at all. Read when somebody first chooses a password: it
 * takes 40 ms and 3 MB with the list they come from, and most processes never need it.
 */
function commonPasswords(): Promise<ReadonlySet<string>> {
  common ??= import('@zxcvbn-ts/language-common').then(
    ({ dictionary }) =>
      new Set(
        dictionary['passwords-common']
          .map(folded)
          .filter((password) => password.length >= PASSWORD_LENGTH_MIN),
      ),
  );
  return common;
}

/** Whether a password is nothing but the person's own number, with or without country code and punctuation. */
export function isOwnNumber(password: string, mobile: string): boolean {
  const digits = password.normalize('NFKC').replace(/[\s()+./-]/g, '');
  const national = digits.replace(/^0+/, '');
  return /^\d+$/.test(digits) && national.length >= NUMBER_DIGITS_MIN && mobile.endsWith(national);
}

export const COMMON_PASSWORD_MESSAGE =
  'is one of the most used passwords and would be guessed; choose another, for instance four words that have nothing to do with each other';
export const OWN_NUMBER_MESSAGE = 'must not be your mobile number; choose another, for instance four words';

/**
 * A field with a new password: none of those that are guessed first (NIST SP 800-63B-4, 3.1.1.2), nor the body's own
 * `mobile`. Of a length that is refused anyway it has nothing to say.
 */
export const IsUncommonPassword = (): PropertyDecorator => (target, propertyName) => {
  const objections = new WeakMap<object, string>();
  registerDecorator({
    name: 'isUncommonPassword',
    target: target.constructor,
    propertyName: String(propertyName),
    async: true,
    validator: {
      validate: async (value: unknown, { object }: ValidationArguments) => {
        const objection = await objectionTo(value, object);
        if (objection !== undefined) objections.set(object, objection);
        return objection === undefined;
      },
      defaultMessage: ({ object, property }: ValidationArguments) =>
        `${property} ${objections.get(object) ?? ''}`,
    },
  });
};

async function objectionTo(password: unknown, body: object): Promise<string | undefined> {
  if (typeof password !== 'string') return undefined;
  if (password.length < PASSWORD_LENGTH_MIN || password.length > PASSWORD_LENGTH_MAX) return undefined;
  if ((await commonPasswords()).has(folded(password))) return COMMON_PASSWORD_MESSAGE;
  const { mobile } = body as { mobile?: unknown };
  return typeof mobile === 'string' && isOwnNumber(password, mobile) ? OWN_NUMBER_MESSAGE : undefined;
}
