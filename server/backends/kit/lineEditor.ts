// What a terminal does with keys while a line is typed: echo, backspace, Ctrl-C, Ctrl-D and Ctrl-U.

export type Typed = { readonly kind: 'line'; readonly text: string } | { readonly kind: 'end' | 'again' };

export class LineEditor {
  readonly #say: (text: string) => void;
  readonly #mode: 'terminal' | 'plain';
  readonly #decoder = new TextDecoder();
  #line: string[] = [];
  #escape = '';

  /** Without a terminal nothing is echoed, and keys are letters. */
  constructor(say: (text: string) => void, mode: 'terminal' | 'plain') {
    this.#say = say;
    this.#mode = mode;
  }

  take(chunk: Uint8Array): readonly Typed[] {
    const typed: Typed[] = [];
    for (const letter of this.#decoder.decode(chunk, { stream: true })) {
      const event = this.#mode === 'terminal' ? this.#key(letter) : this.#letter(letter);
      if (event !== undefined) typed.push(event);
    }
    return typed;
  }

  /** What was typed and not ended. */
  rest(): string {
    return this.#finish();
  }

  #letter(letter: string): Typed | undefined {
    if (letter === '\n') return { kind: 'line', text: this.#finish() };
    this.#line.push(letter);
    return undefined;
  }

  #key(letter: string): Typed | undefined {
    if (this.#escape !== '' || letter === '\x1b') return this.#sequence(letter);
    switch (letter) {
      case '\r':
      case '\n':
        this.#say('\r\n');
        return { kind: 'line', text: this.#finish() };
      case '\x03':
        this.#say('^C\r\n');
        this.#finish();
        return { kind: 'again' };
      case '\x04':
        return this.#line.length === 0 ? { kind: 'end' } : undefined;
      case '\x15':
        while (this.#line.length > 0) this.#erase();
        return undefined;
      case '\x7f':
      case '\b':
        this.#erase();
        return undefined;
      default:
        if (letter < ' ') return undefined;
        this.#line.push(letter);
        this.#say(letter);
        return undefined;
    }
  }

  /** Arrows and the like do nothing, and leave nothing in the line. */
  #sequence(letter: string): undefined {
    this.#escape += letter;
    if (this.#escape.length > 2 ? /[@-~]/.test(letter) : this.#escape.length === 2 && !/[[O]/.test(letter))
      this.#escape = '';
  }

  #erase(): void {
    if (this.#line.pop() !== undefined) this.#say('\b \b');
  }

  #finish(): string {
    const text = this.#line.join('');
    this.#line = [];
    return text;
  }
}
