// Tells what knip looked at besides what it found, so that a run over nothing cannot pass for a clean one.
import type { ReporterOptions } from 'knip';

// biome-ignore lint/style/noDefaultExport: knip loads a reporter by its default export.
export default function report({ issues, counters }: ReporterOptions): void {
  const found: string[] = [];
  for (const [kind, byFile] of Object.entries(issues)) {
    if (kind === '_files') continue;
    for (const [file, bySymbol] of Object.entries(byFile)) {
      found.push(
        ...Object.keys(bySymbol).map(symbol => `${kind}: ${file} ${symbol === file ? '' : symbol}`.trim()),
      );
    }
  }
  process.stdout.write(`${JSON.stringify({ files: counters.total, found })}\n`);
}
