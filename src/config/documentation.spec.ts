import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { Env, SETTING_NAMES } from './env.js';

const example = readFileSync('.env.example', 'utf8');
const readme = readFileSync('README.md', 'utf8');
const documented = Object.fromEntries<string>(
  [...example.matchAll(/^(?:# )?([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
);

it('.env.example names every setting and no other', () => {
  expect(Object.keys(documented).sort()).toEqual([...SETTING_NAMES].sort());
});

it('.env.example gives the defaults that hold', () => {
  const defaults = Object.entries(new Env()).map(([name, value]) => [name, String(value ?? '')]);
  expect(documented).toEqual(Object.fromEntries(defaults));
});

it.each(SETTING_NAMES)('README.md has a row for %s', (name) => {
  expect(readme).toContain(`| \`${name}\` |`);
});
