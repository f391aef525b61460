// A schema with the words that models, editors and people are told about it.
import * as z from 'zod/mini';

export const described = <T extends z.ZodMiniType>(schema: T, description: string): T =>
  schema.check(z.describe(description)) as T;
