import { isIPv6 } from 'node:net';

const IPV6_GROUPS = 8;
const NETWORK_GROUPS = 4;

/**
 * An address as people write it, whatever the socket or a proxy made of it: without the port that some put behind it
 * (`203.0.113.7:5678`, `[2001:db8::9]:5678`), a zone, or the IPv6 form of an IPv4 address. What is no address stays.
 */
export function plainAddress(ip: string): string {
  const [, bracketed, dotted] = /^(?:\[(.+)\](?::\d+)?|(\d+(?:\.\d+){3}):\d+)$/.exec(ip) ?? [];
  return (bracketed ?? dotted ?? ip).replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
}

/** Who an address stands for: itself, and with IPv6 its /64, of which one person has every address. */
export function addressBlock(ip: string): string {
  const plain = plainAddress(ip);
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('::', 2);
  const before = head.split(':').filter(Boolean);
  const after = (tail ?? '').split(':').filter(Boolean);
  const zeros = Array<string>(Math.max(0, IPV6_GROUPS - before.length - after.length)).fill('0');
  const groups = [...before, ...zeros, ...after].slice(0, NETWORK_GROUPS);
  return `${groups.map((group) => parseInt(group, 16).toString(16)).join(':')}::/64`;
}
