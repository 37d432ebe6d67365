import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsString, Matches } from 'class-validator';
import { toAsciiDigits } from '../common/ascii-digits.js';

/** In UTF-16 units, of which some digits take two; what is longer is no code and is not looked at. */
const INPUT_LENGTH_MAX = 12;

/** A DTO field with a code. Digits of any script are taken for what they are. */
export const IsOtp = (): PropertyDecorator =>
  applyDecorators(
    Transform(({ value }: { value: unknown }) =>
      typeof value === 'string' && value.length <= INPUT_LENGTH_MAX ? toAsciiDigits(value) : value,
    ),
    ApiProperty({ pattern: '^[0-9]{6}$' }),
    IsString(),
    Matches(/^[0-9]{6}$/, { message: 'otp must be the six digits of the code' }),
  );
