// What is needed stays needed while anything is in doubt.
import { strict as assert } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { layoutOf } from '../../server/images/layout.ts';
import { readImageNeeds } from '../../server/images/needed.ts';
import { removeImage } from '../../server/images/remove.ts';
import { addRecord } from '../../server/store/sandboxes.ts';
import { recordOf } from '../store/support.ts';
import { newPlace, storeImage } from './support.ts';

describe('needs for images', () => {
  it('are those of names and of sandboxes, and of everything when a name cannot be read', async () => {
    const place = newPlace();
    const { paths } = place.deps;
    try {
      const [named, used, gone] = await Promise.all(
        ['named:1', 'used:1', 'gone:1'].map(name => storeImage(place, { name, content: name })),
      );
      await addRecord(paths, recordOf(1, { image: 'used:1', image_digest: used!.digest }));
      for (const { name } of [used!, gone!]) await removeImage(paths, name, { used: 'remove' });
      const isNeeded = await readImageNeeds(paths);
      assert.deepEqual(
        [named, used, gone].map(image => isNeeded(image!.digest)),
        [true, true, false],
      );
      writeFileSync(join(layoutOf(paths).names, 'broken.json'), '{');
      assert.equal((await readImageNeeds(paths))(gone!.digest), true);
    } finally {
      place.dispose();
    }
  });
});
