import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { IsNull, Repository } from 'typeorm';
import { newId } from '../common/id.js';
import { User } from './user.entity.js';

/** What a password is compared with. */
export type Credentials = Pick<User, 'id' | 'passwordHash'>;

@Injectable()
export class UsersRepository {
  constructor(@InjectRepository(User) private readonly users: Repository<User>) {}

  /** Throws in an outage. For before what must not be done in vain. */
  async assertReachable(): Promise<void> {
    await this.users.query('SELECT');
  }

  /** One that is being deleted is gone. */
  findById(id: string): Promise<User | null> {
    return this.users.findOneBy({ id, deletingAt: IsNull() });
  }

  findByMobile(mobile: string): Promise<User | null> {
    return this.users.findOneBy({ mobile });
  }

  /**
   * Takes as long for a number without an account: one row either way, and no entity made of it.
   *
   * @returns null where the number has none
   */
  async findCredentials(mobile: string): Promise<Credentials | null> {
    const [row] = await this.users.query<[Credentials | { id: null }]>(
      `SELECT account.id, account.password_hash AS "passwordHash"
       FROM (SELECT) AS always LEFT JOIN users account ON account.mobile = $1`,
      [mobile],
    );
    return row.id === null ? null : row;
  }

  /** The account of a number that was just verified; made now if it is the first time. Safe for parallel twins. */
  async getOrCreate(mobile: string, passwordHash: string | null): Promise<{ user: User; created: boolean }> {
    const id = newId();
    await this.users.createQueryBuilder().insert().values({ id, mobile, passwordHash }).orIgnore().execute();
    const user = await this.users.findOneByOrFail({ mobile });
    return { user, created: user.id === id };
  }

  async updateDisplayName(id: string, displayName: string | null): Promise<void> {
    await this.users.update({ id }, { displayName });
  }

  /** The same password, hashed anew; unless it was changed meanwhile. */
  async replacePasswordHash(id: string, passwordHash: string, renewed: string): Promise<void> {
    await this.users
      .createQueryBuilder()
      .update()
      // Nothing that the person did.
      .set({ passwordHash: renewed, updatedAt: () => 'updated_at' })
      .where({ id, passwordHash })
      .execute();
  }
}
