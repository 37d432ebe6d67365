import { ApiProperty } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsOptional, IsString, MaxLength } from 'class-validator';

export class RefreshRequest {
  /**
   * As the latest answer brought it.
   * @example 'AZnyQAAAfBGfDj8faxssPQ…'
   */
  @IsString()
  @MaxLength(500)
  refreshToken!: string;
}

export class LogoutAllQuery {
  /** `true`: this session goes on, all others end. */
  @ApiProperty({ required: false, type: 'boolean', default: false })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value))
  @IsBoolean()
  keepCurrent: boolean = false;
}
