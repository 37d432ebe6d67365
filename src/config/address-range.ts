import { isIP } from 'node:net';
import { ValidateBy } from 'class-validator';

const BITS: Partial<Record<number, number>> = { 4: 32, 6: 128 };

/** A list of IP addresses and CIDR ranges (`10.0.0.0/8`). */
export const AreAddressRanges = (): PropertyDecorator =>
  ValidateBy(
    {
      name: 'areAddressRanges',
      validator: {
        validate: isAddressRange,
        defaultMessage: (args) =>
          `${args?.property ?? ''} must be IP addresses or CIDR ranges, comma-separated`,
      },
    },
    { each: true },
  );

function isAddressRange(value: unknown): boolean {
  const [, address = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(String(value)) ?? [];
  const bits = BITS[isIP(address)];
  return bits !== undefined && (prefix === undefined || (Number(prefix) >= 1 && Number(prefix) <= bits));
}
