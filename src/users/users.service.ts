import { Injectable } from '@nestjs/common';
import { AppError } from '../common/app-error.js';
import type { UpdateUserRequest } from './dto/update-user.request.js';
import { UserResponse } from './dto/user.response.js';
import type { User } from './user.entity.js';
import { UsersRepository } from './users.repository.js';

@Injectable()
export class UsersService {
  constructor(private readonly users: UsersRepository) {}

  async get(id: string): Promise<UserResponse> {
    return UserResponse.from(await this.load(id));
  }

  async update(id: string, dto: UpdateUserRequest): Promise<UserResponse> {
    await this.users.updateDisplayName(id, dto.displayName);
    return this.get(id);
  }

  /** @throws AppError UNAUTHENTICATED when the account of a token is gone */
  async load(id: string): Promise<User> {
    const user = await this.users.findById(id);
    if (user === null) throw new AppError('UNAUTHENTICATED');
    return user;
  }
}
