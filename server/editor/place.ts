// Where the server of an editor comes from and where its ssh extension looks for it, as text; pure.
import { fail } from '../core/errors.ts';
import type { EditorProduct, GuestFacts } from '../protocol/editorMethods.ts';

/** `os` and `arch` are words of templates; `artifact` is a word of the vendor of VS Code. */
export type ServerPlatform = {
  readonly os: 'linux' | 'alpine';
  readonly arch: string;
  readonly artifact: string;
};

/** What the program is called in the cache, whatever its quality calls it. */
export const PROGRAM = 'code';

const architectures: Readonly<Record<string, string>> = { x86_64: 'x64', aarch64: 'arm64', armv7l: 'armhf' };

/** The build with pages in it is another one, which the vendor of VS Code has under a name of its own. */
export function platformOf(
  { arch: machine, libc }: GuestFacts,
  purpose: 'ssh' | 'pages' = 'ssh',
): ServerPlatform {
  const suffix = purpose === 'pages' ? '-web' : '';
  const arch = architectures[machine];
  if (arch === undefined || libc === undefined)
    return fail('unsupported', `there is no server of VS Code for ${machine}`, {
      hint: 'heyvm editor check says what is needed',
    });
  if (libc.kind === 'glibc') return { os: 'linux', arch, artifact: `server-linux-${arch}${suffix}` };
  // The oldest of the names has no architecture in it.
  return {
    os: 'alpine',
    arch,
    artifact: `${arch === 'x64' ? 'server-linux-alpine' : `server-alpine-${arch}`}${suffix}`,
  };
}

/** The folder of the cache, the same for all sandboxes that can use the same artifact. */
export function keyOf(product: EditorProduct, artifact: string): string {
  return `${product.data_folder.slice(1)}-${product.quality}-${product.commit}-${artifact}`;
}

/**
 * The program that Remote-SSH starts inside before any server. It needs no C library, so that one build does for all systems
 * of a processor. Undefined for forks, whose extensions start the server itself.
 */
export function programArtifactOf(
  { download_url_template: template }: EditorProduct,
  { arch }: ServerPlatform,
): string | undefined {
  if (template !== undefined) return undefined;
  return arch === 'armhf' ? 'cli-linux-armhf' : `cli-alpine-${arch}`;
}

export type ServerAddress = {
  readonly url: string;
  /** Where its checksum is: an answer of the vendor's, or a file beside the archive. */
  readonly checksum: { readonly kind: 'release' | 'file'; readonly url: string };
};

export function addressOf(product: EditorProduct, platform: ServerPlatform): ServerAddress {
  const { download_url_template: template } = product;
  if (template !== undefined) {
    const url = filled(template, { ...words(product), os: platform.os, arch: platform.arch });
    return { url, checksum: { kind: 'file', url: `${url}.sha256` } };
  }
  return vendorAddressOf(product, platform.artifact);
}

/** As the vendor of VS Code answers for all that it builds of a commit. */
export function vendorAddressOf(product: EditorProduct, artifact: string): ServerAddress {
  const { commit, quality, update_url: update } = product;
  if (update === undefined)
    return fail('usage', 'the editor says neither where its server is nor where to ask for it', {
      hint: 'its product.json has serverDownloadUrlTemplate or updateUrl',
    });
  const base = update.replace(/\/+$/, '');
  return {
    url: `${base}/commit:${commit}/${artifact}/${quality}`,
    checksum: {
      kind: 'release',
      url: `${base}/api/versions/commit:${commit}/${artifact}/${quality}`,
    },
  };
}

function words({ commit, quality, version, release }: EditorProduct): Readonly<Record<string, string>> {
  return { commit, quality, version, release: release ?? '' };
}

function filled(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\$\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    return value ?? fail('usage', `the editor's template for its server has an unknown part ${whole}`);
  });
}

/** As the newer of the two layouts names the folder: `Stable-<commit>`. */
export function versionFolder({ quality, commit }: EditorProduct): string {
  return `${quality.charAt(0).toUpperCase()}${quality.slice(1)}-${commit}`;
}

/**
 * Says `present`, `shared` or `absent`. Arguments: data folder, commit, program, folder of the version, shown folder.
 * A server is what runs: one that was left half made, or that is for another system, does not say its commit.
 */
export const FIND_SCRIPT = `
set -u
data=$HOME/$1 commit=$2 program=$3 version=$4 shown=$5
runs() { [ -x "$1/bin/$program" ] && "$1/bin/$program" --version 2>/dev/null | grep -qx "$commit"; }
known() {
  mkdir -p "$data/cli/servers/$version"
  [ -e "$data/cli/servers/$version/server" ] || ln -sfn "../../../bin/$commit" "$data/cli/servers/$version/server"
  echo "path=$data/bin/$commit"
  "$data/bin/$commit/bin/$program" --version | sed -n '1s/^/version=/p'
}
for place in "$data/bin/$commit" "$data/cli/servers/$version/server"; do
  if runs "$place"; then
    mkdir -p "$data/bin"
    [ -e "$data/bin/$commit" ] || ln -sfn "$place" "$data/bin/$commit"
    echo found=present
    known
    exit 0
  fi
done
if [ -d "$shown" ] && runs "$shown"; then
  mkdir -p "$data/bin"
  rm -rf "$data/bin/$commit"
  ln -s "$shown" "$data/bin/$commit"
  echo found=shared
  known
  exit 0
fi
echo found=absent
`;

/** Unpacks what comes on stdin, and puts it in its place only when it runs. The same arguments. */
export const COPY_SCRIPT = `
set -u
data=$HOME/$1 commit=$2 program=$3 version=$4
umask 077
draft=$data/bin/.heyvm-$commit.$$
trap 'rm -rf "$draft"' EXIT
mkdir -p "$draft" && tar -xf - -C "$draft" || exit 1
"$draft/bin/$program" --version 2>&1 | grep -qx "$commit" || { "$draft/bin/$program" --version >&2; exit 3; }
rm -rf "$data/bin/$commit"
mv "$draft" "$data/bin/$commit"
`;

/** The same for the program. Arguments: data folder, commit, shown file. */
export const FIND_PROGRAM_SCRIPT = `
set -u
data=$HOME/$1 commit=$2 shown=$3
place=$data/code-$commit
runs() { [ -x "$1" ] && "$1" --version 2>/dev/null | grep -q "$commit"; }
if runs "$place"; then
  echo found=present
elif [ -n "$shown" ] && runs "$shown"; then
  mkdir -p "$data"
  ln -sfn "$shown" "$place"
  echo found=shared
else
  echo found=absent
  exit 0
fi
echo "path=$place"
"$place" --version | sed -n '1s/^/version=/p'
`;

export const COPY_PROGRAM_SCRIPT = `
set -u
data=$HOME/$1 commit=$2
umask 077
draft=$data/.heyvm-code-$commit.$$
trap 'rm -rf "$draft"' EXIT
mkdir -p "$draft" && tar -xf - -C "$draft" || exit 1
"$draft/${PROGRAM}" --version 2>&1 | grep -q "$commit" || { "$draft/${PROGRAM}" --version >&2; exit 3; }
mv -f "$draft/${PROGRAM}" "$data/code-$commit"
`;
