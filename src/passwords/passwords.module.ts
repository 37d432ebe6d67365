import { Module } from '@nestjs/common';
import { PasswordGuesses } from './password-guesses.js';
import { Passwords } from './passwords.js';

@Module({ providers: [Passwords, PasswordGuesses], exports: [Passwords, PasswordGuesses] })
export class PasswordsModule {}
