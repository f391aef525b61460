// The document of the doctor's page: empty until the first message, and closed to everything that is not ours.

export type Document = {
  readonly script: string;
  readonly style: string;
  /** Says which scripts and styles are ours; another one with every page. */
  readonly nonce: string;
};

export function documentOf({ script, style, nonce }: Document): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>heyvm: Doctor</title>
<link rel="stylesheet" href="${style}" nonce="${nonce}">
</head>
<body>
<main>
<header>
<h1>heyvm: Doctor</h1>
<button id="look" type="button">Look Again</button>
</header>
<p id="status" role="status"></p>
<progress id="progress" aria-label="Looking at this machine" hidden></progress>
<p id="now" aria-hidden="true"></p>
<div id="sections"></div>
</main>
<script src="${script}" nonce="${nonce}"></script>
</body>
</html>`;
}
