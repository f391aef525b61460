// Whether a sandbox is started for whoever connects to it, from its files.
import { comesBack } from '../core/comeback.ts';
import type { Entry } from './sandboxes.ts';

export function willComeBack({ record, owner, stale }: Entry): boolean {
  if (owner !== undefined) return false;
  return comesBack({
    intent: record.intent,
    lastEnd: record.last_end,
    stale,
    suspended: record.suspended === true,
    held: record.attached || record.throwaway === true,
  });
}
