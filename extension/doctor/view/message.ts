// What the doctor's page is told and what it says back; checked on both sides, for neither trusts the other's code.
import * as z from 'zod/mini';

/** A button; what it does is known by its name to whoever made it, and never part of the message. */
const Mend = z.strictObject({ id: z.string(), label: z.string() });

const Row = z.strictObject({
  id: z.string(),
  title: z.string(),
  state: z.enum(['ok', 'warning', 'error', 'absent']),
  detail: z.string(),
  /** A few words beside the title. */
  badges: z.array(z.string()),
  /** What to know besides, each in a line of its own. */
  notes: z.array(z.string()),
  /** What mends it: something to be copied and run or written as it is, or a sentence. */
  fix: z.optional(z.strictObject({ kind: z.enum(['code', 'sentence']), text: z.string() })),
  mends: z.array(Mend),
});
export type Row = z.output<typeof Row>;

/** All that the page shows. */
export const Page = z.strictObject({
  /** Present while the machine is looked at: what is being looked at. */
  looking: z.optional(z.string()),
  summary: z.string(),
  sections: z.array(z.strictObject({ title: z.string(), rows: z.array(Row) })),
});
export type Page = z.output<typeof Page>;

export const Said = z.discriminatedUnion('kind', [
  /** It was loaded, and shows nothing yet. */
  z.strictObject({ kind: z.literal('ready') }),
  z.strictObject({ kind: z.literal('look') }),
  z.strictObject({ kind: z.literal('copy'), row: z.string() }),
  z.strictObject({ kind: z.literal('mend'), row: z.string(), mend: z.string() }),
]);
export type Said = z.output<typeof Said>;
