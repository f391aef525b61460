// The table of backends in the README, made from their manifests.
import { backends } from '../../server/backends/registry.ts';

export function backendTable(): string {
  const rows = backends.map(({ manifest }) => {
    const { capabilities: can } = manifest;
    const cells = [
      `\`${manifest.id}\``,
      manifest.summary,
      manifest.hosts.map(({ platform, arch }) => `${platform} (${arch.join(', ')})`).join(', '),
      can.boundary,
      can.workspace,
      can.network.join(', '),
      can.editor ? 'yes' : 'no',
      manifest.verified,
    ];
    return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return [
    '| backend | what it is | hosts | boundary | workspace | network | VS Code inside | verified |',
    '|---|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}
