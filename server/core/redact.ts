// Replaces what looks like a secret in text that leaves this machine's own eyes: answers to agents and support bundles.

export type Redacted = { readonly text: string; readonly count: number };

/** By shapes that their issuers publish, so that ordinary text stays as it is. */
const shapes: readonly RegExp[] = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g,
  /\bgh[pousr]_[A-Za-z0-9]{36,255}\b/g,
  /\bgithub_pat_[A-Za-z0-9_]{22,255}\b/g,
  /\bglpat-[A-Za-z0-9_-]{20,}/g,
  /\bnpm_[A-Za-z0-9]{36}\b/g,
  /\bpypi-[A-Za-z0-9_-]{40,}/g,
  /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/g,
  /\bsk-[A-Za-z0-9_-]{20,}/g,
  /\bAIza[0-9A-Za-z_-]{35}\b/g,
  /\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/g,
];

/** What follows these is the secret; what names it stays. */
const named: readonly RegExp[] = [
  /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:@/]{1,128}:)([^\s@/]{1,512})(?=@)/gi,
  /(\bauthorization:\s*(?:bearer|basic|token)\s+)([^\s"']{8,})/gi,
  /(\b[A-Z0-9_]*(?:TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|PRIVATE_KEY)[A-Z0-9_]*=)(?!\s|\$|"\s*"|'\s*')([^\s]{6,})/g,
];

export const REPLACEMENT = '[redacted]';

export function redact(text: string): Redacted {
  let count = 0;
  const once = (): string => {
    count += 1;
    return REPLACEMENT;
  };
  let result = text;
  for (const shape of shapes) result = result.replace(shape, once);
  for (const shape of named)
    result = result.replace(shape, (whole, name: string, value: string) =>
      value === REPLACEMENT ? whole : name + once(),
    );
  return { text: result, count };
}
