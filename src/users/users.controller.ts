import { Body, Controller, Get, Patch } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { CurrentUserId } from '../common/current-user.js';
import { UpdateUserRequest } from './dto/update-user.request.js';
import type { UserResponse } from './dto/user.response.js';
import { UsersService } from './users.service.js';

@ApiTags('Users')
@ApiBearerAuth()
@Controller('v1/users/me')
export class UsersController {
  constructor(private readonly users: UsersService) {}

  /** Your account, with the tier you have right now */
  @Get()
  get(@CurrentUserId() userId: string): Promise<UserResponse> {
    return this.users.get(userId);
  }

  /** Change your display name */
  @Patch()
  update(@CurrentUserId() userId: string, @Body() dto: UpdateUserRequest): Promise<UserResponse> {
    return this.users.update(userId, dto);
  }
}
