// Completion scripts for bash, zsh and fish, made from the command table.
import { globalFlags } from './args.ts';
import type { Command, Completer, Flag } from './command.ts';

export const completionScripts: Readonly<
  Record<string, ((commands: readonly Command[]) => string) | undefined>
> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

function bashScript(commands: readonly Command[]): string {
  const cases = commands.map(command =>
    posixCase(command, { files: 'files=1', words: list => `words='${list}'` }),
  );
  return `# bash completion of heyvm: source <(heyvm completion bash)
_heyvm() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} words='' files='' place=0 index
  for ((index = 2; index < COMP_CWORD; index++)); do
    [[ \${COMP_WORDS[index]} == -* ]] || place=$((place + 1))
  done
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    words='${commands.map(command => command.name).join(' ')}'
  else
    case \${COMP_WORDS[1]} in
${cases.join('\n')}
    esac
  fi
  if [[ -n $files ]]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "$cur"))
  else
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  fi
}
complete -F _heyvm heyvm
`;
}

function zshScript(commands: readonly Command[]): string {
  const cases = commands.map(command =>
    posixCase(command, { files: 'files=1', words: list => `list='${list}'` }),
  );
  return `#compdef heyvm
# zsh completion of heyvm: source <(heyvm completion zsh)
_heyvm() {
  local cur=\${words[CURRENT]} prev=\${words[CURRENT-1]} list='' files='' place=0 index
  for ((index = 3; index < CURRENT; index++)); do
    [[ \${words[index]} == -* ]] || place=$((place + 1))
  done
  if ((CURRENT == 2)); then
    list='${commands.map(command => command.name).join(' ')}'
  else
    case \${words[2]} in
${cases.join('\n')}
    esac
  fi
  if [[ -n $files ]]; then
    _files
  else
    compadd -- \${=list}
  fi
}
if [[ $funcstack[1] == _heyvm ]]; then _heyvm "$@"; else compdef _heyvm heyvm; fi
`;
}

type Dialect = { readonly files: string; readonly words: (list: string) => string };

/** One command as a branch of `case`; bash and zsh differ only in the name of the variable. */
function posixCase(command: Command, dialect: Dialect): string {
  const offer = (completer: Completer): string => {
    if (completer === 'file') return dialect.files;
    return dialect
      .words(
        typeof completer === 'string' ? `$(heyvm __complete ${completer} 2>/dev/null)` : completer.join(' '),
      )
      .replace(/'(\$\(.*\))'/, '"$1"');
  };
  const values = flagsOf(command).flatMap(flag => {
    const completer = completerOf(flag);
    return completer === undefined ? [] : [`${namesOf(flag).join('|')}) ${offer(completer)} ;;`];
  });
  const places = command.arguments.flatMap((argument, index) => {
    if (argument.complete === undefined) return [];
    return [`${argument.presence === 'many' ? '*' : index}) ${offer(argument.complete)} ;;`];
  });
  const flags = flagsOf(command)
    .map(flag => `--${flag.name}`)
    .join(' ');
  const names = [command.name, ...(command.aliases ?? [])].join('|');
  return `    ${names})
      if [[ $cur == -* ]]; then ${dialect.words(flags)}
      else case $prev in
        ${[...values, `*) case $place in ${places.join(' ')} ${places.some(place => place.startsWith('*')) ? '' : '*) ;;'} esac ;;`].join('\n        ')}
      esac; fi ;;`;
}

function fishScript(commands: readonly Command[]): string {
  const lines = ['# fish completion of heyvm: heyvm completion fish | source', 'complete -c heyvm -f'];
  for (const command of commands) {
    const inside = `-n '__fish_seen_subcommand_from ${[command.name, ...(command.aliases ?? [])].join(' ')}'`;
    lines.push(`complete -c heyvm -n __fish_use_subcommand -a ${command.name} -d ${quote(command.summary)}`);
    for (const argument of command.arguments) {
      if (argument.complete !== undefined)
        lines.push(`complete -c heyvm ${inside} ${fishOffer(argument.complete)}`);
    }
    for (const flag of flagsOf(command)) {
      const short = flag.short === undefined ? '' : ` -s ${flag.short}`;
      const completer = completerOf(flag);
      const value = flag.kind === 'flag' ? '' : ` -r ${completer === undefined ? '' : fishOffer(completer)}`;
      lines.push(
        `complete -c heyvm ${inside} -l ${flag.name}${short} -d ${quote(flag.summary)}${value.trimEnd()}`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}

function fishOffer(completer: Completer): string {
  if (completer === 'file') return '-F';
  if (typeof completer === 'string') return `-a '(heyvm __complete ${completer} 2>/dev/null)'`;
  return `-a '${completer.join(' ')}'`;
}

function flagsOf(command: Command): readonly Flag[] {
  return [...command.flags, ...globalFlags];
}

function namesOf(flag: Flag): string[] {
  const long = [flag.name, ...(flag.aliases ?? [])].map(name => `--${name}`);
  return flag.short === undefined ? long : [...long, `-${flag.short}`];
}

function completerOf(flag: Flag): Completer | undefined {
  if (flag.kind === 'choice') return flag.choices;
  return flag.kind === 'string' || flag.kind === 'list' ? flag.complete : undefined;
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
