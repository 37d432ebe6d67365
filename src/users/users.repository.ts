import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { newId } from '../common/id.js';
import { User } from './user.entity.js';

@Injectable()
export class UsersRepository {
  constructor(@InjectRepository(User) private readonly users: Repository<User>) {}

  findById(id: string): Promise<User | null> {
    return this.users.findOneBy({ id });
  }

  findByMobile(mobile: string): Promise<User | null> {
    return this.users.findOneBy({ mobile });
  }

  /** The account of a number that was just verified; made now if it is the first time. Safe for parallel twins. */
  async getOrCreate(mobile: string, passwordHash: string | null): Promise<User> {
    await this.users
      .createQueryBuilder()
      .insert()
      .values({ id: newId(), mobile, passwordHash })
      .orIgnore()
      .execute();
    return this.users.findOneByOrFail({ mobile });
  }

  async updateDisplayName(id: string, displayName: string | null): Promise<void> {
    await this.users.update({ id }, { displayName });
  }

  async findTokenVersion(id: string): Promise<number | null> {
    const user = await this.users.findOne({ where: { id }, select: { id: true, tokenVersion: true } });
    return user?.tokenVersion ?? null;
  }

  /**
   * Sets the password and ends every access token made so far. Returns the account at the version that this very
   * change made: of two at once, the later one ends the session of the earlier one too.
   */
  async setPassword(id: string, passwordHash: string): Promise<User> {
    const result = await this.users
      .createQueryBuilder()
      .update()
      .set({ passwordHash, tokenVersion: () => 'token_version + 1' })
      .where({ id })
      .returning('token_version')
      .execute();
    const [{ token_version: tokenVersion }] = result.raw as [{ token_version: number }];
    return Object.assign(await this.users.findOneByOrFail({ id }), { tokenVersion });
  }
}
