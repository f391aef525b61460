// The progress of a pull: many layers, each fetched and unpacked, as one number.
import type { Line } from '../../engine/lines.ts';
import type { Progress } from '../../protocol/contract.ts';

/** The layers of a pull as one number, which only grows: a layer is fetched first and unpacked then. */
export function pullProgress(name: string, tell: (progress: Progress) => void): (line: Line) => void {
  const layers = new Map<string, { done: number; total: number }>();
  let shown = -1;
  return ({ id, status = '', progressDetail }) => {
    if (id === undefined || !phases.has(status)) return;
    const { current = 0, total = 0 } = progressDetail ?? {};
    const known = layers.get(id);
    const size = Math.max(total, known?.total ?? 0);
    const share =
      status === 'Downloading' ? current / 2 : status === 'Extracting' ? (size + current) / 2 : size;
    layers.set(id, {
      done: Math.max(known?.done ?? 0, status === 'Download complete' ? size / 2 : share),
      total: size,
    });
    const all = [...layers.values()];
    const sum = all.reduce((bytes, layer) => bytes + layer.total, 0);
    const percent =
      sum === 0 ? 0 : Math.floor((all.reduce((bytes, layer) => bytes + layer.done, 0) * 100) / sum);
    if (percent === shown) return;
    shown = percent;
    tell({ phase: 'fetching image', detail: `${name}, ${layers.size} layers`, percent });
  };
}

const phases: ReadonlySet<string> = new Set([
  'Pulling fs layer',
  'Downloading',
  'Download complete',
  'Extracting',
  'Pull complete',
]);
