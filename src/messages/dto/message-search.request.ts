import { Transform } from 'class-transformer';
import { IsString, Length, Matches } from 'class-validator';
import { PageQuery } from '../../common/page.request.js';

export class SearchMessagesQuery extends PageQuery {
  /**
   * The words to look for, 1 to 200 characters. `a b`: both, `a or b`: one of them, `"a b"`: side by side, `-a`: not this one.
   * @example 'lisbon "old town" -train'
   */
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim() : value))
  @IsString()
  @Length(1, 200)
  // Length does not count variation selectors, and Postgres refuses a word of more than 2046 bytes.
  @Matches(/^.{0,200}$/su, { message: 'q must be shorter than or equal to 200 characters' })
  q!: string;
}
