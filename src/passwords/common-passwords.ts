import { dictionary } from '@zxcvbn-ts/language-common';
import { registerDecorator, type ValidationArguments } from 'class-validator';
import { PASSWORD_LENGTH_MIN } from './passwords.js';

/** Fewer digits than this are no telephone number. */
const NUMBER_DIGITS_MIN = 6;

/** As compared: however it is typed, capitalised and spaced around. */
const folded = (password: string): string => password.normalize('NFKC').trim().toLowerCase();

/** The 18,000 most used ones that are long enough to be accepted at all; about 3 MB with the list they come from. */
const COMMON = new Set(
  dictionary['passwords-common'].map(folded).filter((password) => password.length >= PASSWORD_LENGTH_MIN),
);

const isCommon = (password: string): boolean => COMMON.has(folded(password));

/** Whether a password is nothing but the person's own number, with or without country code and punctuation. */
export function isOwnNumber(password: string, mobile: string): boolean {
  const digits = password.normalize('NFKC').replace(/[\s()+./-]/g, '');
  const national = digits.replace(/^0+/, '');
  return /^\d+$/.test(digits) && national.length >= NUMBER_DIGITS_MIN && mobile.endsWith(national);
}

export const COMMON_PASSWORD_MESSAGE =
  'is one of the most used passwords and would be guessed; choose another, for instance four words that have nothing to do with each other';
export const OWN_NUMBER_MESSAGE = 'must not be your mobile number; choose another, for instance four words';

/** A field with a new password: none of those that are guessed first (NIST SP 800-63B-4, 3.1.1.2), nor the body's own `mobile`. */
export const IsUncommonPassword = (): PropertyDecorator => (target, propertyName) => {
  registerDecorator({
    name: 'isUncommonPassword',
    target: target.constructor,
    propertyName: String(propertyName),
    validator: {
      validate: (value: unknown, { object }: ValidationArguments) =>
        typeof value !== 'string' || objection(value, object) === undefined,
      defaultMessage: ({ value, object, property }: ValidationArguments) =>
        `${property} ${objection(String(value), object) ?? ''}`,
    },
  });
};

function objection(password: string, body: object): string | undefined {
  if (isCommon(password)) return COMMON_PASSWORD_MESSAGE;
  const { mobile } = body as { mobile?: unknown };
  return typeof mobile === 'string' && isOwnNumber(password, mobile) ? OWN_NUMBER_MESSAGE : undefined;
}
