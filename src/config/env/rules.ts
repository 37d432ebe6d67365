import { Transform, Type } from 'class-transformer';
import { IsBoolean, IsInt, Max, Min, registerDecorator } from 'class-validator';
import { Rate } from './rate.js';

// Underscores: containers are called `my_db`.
export const URL_OPTIONS = { require_tld: false, require_protocol: true, allow_underscores: true };

/** A whole number in a range. */
export const Integer = (min: number, max: number): PropertyDecorator => {
  return (target, key) => {
    Type(() => Number)(target, key);
    IsInt()(target, key);
    Min(min)(target, key);
    Max(max)(target, key);
  };
};

/** A comma-separated setting as an array. */
export const List = (): PropertyDecorator =>
  Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' ? value.split(',').map((item) => item.trim()) : value,
  );

/** `true` or `false`. */
export const Flag = (): PropertyDecorator => {
  return (target, key) => {
    Transform(({ value }) => (value === 'true' ? true : value === 'false' ? false : (value as unknown)))(
      target,
      key,
    );
    IsBoolean()(target, key);
  };
};

/** Limits such as `5/10m,10/1d`, as `Rate`s. */
export const Rates = (): PropertyDecorator => (target, key) => {
  Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? Rate.list(value) : value))(
    target,
    key,
  );
  registerDecorator({
    name: 'rates',
    target: target.constructor,
    propertyName: String(key),
    validator: {
      validate: (value: unknown) => Array.isArray(value) && value.every((each) => each instanceof Rate),
      defaultMessage: () => `${String(key)} must be limits such as 5/10m,10/1d (s, m, h or d; up to 30d)`,
    },
  });
};
