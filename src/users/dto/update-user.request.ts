import { Transform } from 'class-transformer';
import { IsString, Length, ValidateIf } from 'class-validator';

export class UpdateUserRequest {
  /**
   * How the person wants to be called; null takes the name away.
   * @example 'Ada'
   */
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim() : value))
  @ValidateIf((dto: UpdateUserRequest) => dto.displayName !== null)
  @IsString()
  @Length(1, 80)
  displayName!: string | null;
}
