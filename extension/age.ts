// How long ago something was, in the words of a list.

const steps = [
  { unit: 'minute', seconds: 60 },
  { unit: 'hour', seconds: 3_600 },
  { unit: 'day', seconds: 86_400 },
  { unit: 'month', seconds: 2_629_800 },
  { unit: 'year', seconds: 31_557_600 },
] as const;

const words = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** `then` is ISO 8601; something that cannot be read gives an empty text. */
export function ageOf(then: string, now: number): string {
  const seconds = (now - Date.parse(then)) / 1_000;
  if (Number.isNaN(seconds)) return '';
  const step = steps.findLast(candidate => seconds >= candidate.seconds);
  return step === undefined ? 'just now' : words.format(-Math.floor(seconds / step.seconds), step.unit);
}
