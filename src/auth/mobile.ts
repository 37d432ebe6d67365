import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { registerDecorator } from 'class-validator';
import { parsePhoneNumberFromString } from 'libphonenumber-js/min';
import { toAsciiDigits } from '../common/ascii-digits.js';

const INPUT_LENGTH_MAX = 40;

/**
 * E.164 of a number written internationally, however it is spaced or punctuated; undefined for anything else.
 *
 * Asks whether the number is possible (country and length), not whether its range is in use: the tables of ranges age,
 * and refusing a person's real number is worse than one code that cannot be delivered.
 */
export function toE164(input: string): string | undefined {
  if (input.length > INPUT_LENGTH_MAX) return undefined;
  const parsed = parsePhoneNumberFromString(toAsciiDigits(input).trim(), { extract: false });
  return parsed?.isPossible() && parsed.ext === undefined ? parsed.number : undefined;
}

/** A DTO field with a mobile number: normalised to E.164 on the way in, so one person is one account. */
export const IsMobile = (): PropertyDecorator =>
  applyDecorators(
    Transform(({ value }: { value: unknown }) =>
      typeof value === 'string' ? (toE164(value) ?? value) : value,
    ),
    ApiProperty({ maxLength: INPUT_LENGTH_MAX }),
    (target: object, propertyName: string | symbol) => {
      registerDecorator({
        name: 'isMobile',
        target: target.constructor,
        propertyName: String(propertyName),
        validator: {
          validate: (value: unknown) => typeof value === 'string' && toE164(value) === value,
          defaultMessage: () =>
            `${String(propertyName)} must be a phone number with its country code, such as +14155552671`,
        },
      });
    },
  );
