import type { CountryCode } from 'libphonenumber-js/max';

/** Digits at the end that a block of numbers, as carriers hand it out, differs in. */
const BLOCK_DIGITS = 3;

/** Where a message goes. */
export interface Destination {
  /** ISO 3166-1; undefined for ranges that belong to no country, or are not in use. */
  country: CountryCode | undefined;
  /** Country calling code: `1`, `44`. */
  dialCode: string;
  /** The number without its last three digits. */
  prefix: string;
}

/**
 * By all metadata: without it, one country's mobiles pass for its neighbour's within a shared calling code. It is read
 * when the first code is sent.
 *
 * @param mobile E.164
 */
export async function destinationOf(mobile: string): Promise<Destination> {
  const { parsePhoneNumberFromString } = await import('libphonenumber-js/max');
  const parsed = parsePhoneNumberFromString(mobile);
  return {
    country: parsed?.country,
    dialCode: parsed?.countryCallingCode ?? '',
    prefix: mobile.slice(0, -BLOCK_DIGITS),
  };
}
