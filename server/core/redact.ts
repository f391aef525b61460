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
  return redactPart(text, { from: 0, to: text.length });
}

type Span = { readonly from: number; readonly to: number };

/** A part of a text in which a secret may begin before the part, or end after it. */
export function redactPart(text: string, { from, to }: Span): Redacted {
  let result = '';
  let at = from;
  let count = 0;
  for (const secret of secretsIn(text)) {
    if (secret.to <= from || secret.from >= to) continue;
    result += text.slice(at, Math.max(at, secret.from)) + REPLACEMENT;
    at = Math.min(to, secret.to);
    count += 1;
  }
  return { text: result + text.slice(at, to), count };
}

/** In their order; what overlaps is one. */
function secretsIn(text: string): Span[] {
  const found = [
    ...shapes.flatMap(shape => [...text.matchAll(shape)].map(match => spanOf(match, 0))),
    ...named.flatMap(shape =>
      [...text.matchAll(shape)]
        .filter(([, , value]) => value !== REPLACEMENT)
        .map(match => spanOf(match, match[1]?.length ?? 0)),
    ),
  ];
  const merged: Span[] = [];
  for (const next of found.sort((one, other) => one.from - other.from)) {
    const last = merged.at(-1);
    if (last === undefined || next.from >= last.to) merged.push(next);
    else merged[merged.length - 1] = { from: last.from, to: Math.max(last.to, next.to) };
  }
  return merged;
}

function spanOf(match: RegExpExecArray, begin: number): Span {
  return { from: match.index + begin, to: match.index + match[0].length };
}
