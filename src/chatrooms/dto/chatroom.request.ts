import { PartialType } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsOptional, IsString, Length, Matches } from 'class-validator';

const trim = ({ value }: { value: unknown }): unknown => (typeof value === 'string' ? value.trim() : value);

export class CreateChatroomRequest {
  /**
   * What the room is called; null or left out while it has no title.
   * @example 'Holiday plans'
   */
  @IsOptional()
  @Transform(trim)
  @IsString()
  @Length(1, 200)
  title?: string | null;

  /**
   * How the model should behave in this room.
   * @example 'You are a patient travel guide. Answer in two sentences.'
   */
  @IsOptional()
  @Transform(trim)
  @IsString()
  @Length(1, 8000)
  systemInstruction?: string | null;

  /**
   * A model that this server offers (setting GEMINI_MODELS); null or left out for its default.
   * @example 'gemini-3.8-flash'
   */
  @IsOptional()
  @IsString()
  @Matches(/^[a-z0-9.-]{1,60}$/, { message: 'model must be the name of a model' })
  model?: string | null;
}

/** Only what is given is changed; null takes a value away. */
export class UpdateChatroomRequest extends PartialType(CreateChatroomRequest) {}
