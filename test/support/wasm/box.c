// The programs that the contract suite runs, in one module, for guests that have no system of their own.
// Called as `box NAME ARGUMENTS…`; `sh -c` knows what the cases say: `;`, `&&`, quotes, $NAME, `>file` and `>&2`.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifdef WASIX
#include "wasix.h"
#endif

extern char **environ;
static int run(int count, char **words);

static int write_all(int file, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t done = write(file, bytes, size);
    if (done < 0) return 1;
    bytes += done;
    size -= (size_t)done;
  }
  return 0;
}

static int copy(int from) {
  static char buffer[65536];
  for (;;) {
    ssize_t got = read(from, buffer, sizeof buffer);
    if (got < 0) return perror("read"), 1;
    if (got == 0) return 0;
    if (write_all(1, buffer, (size_t)got) != 0) return 1;
  }
}

static int echo(int count, char **words) {
  for (int index = 1; index < count; index += 1) {
    if (index > 1) fputs(" ", stdout);
    fputs(words[index], stdout);
  }
  fputs("\n", stdout);
  return fflush(stdout) == 0 ? 0 : 1;
}

static int cat(int count, char **words) {
  if (count < 2) return copy(0);
  for (int index = 1; index < count; index += 1) {
    int file = open(words[index], O_RDONLY);
    if (file < 0) return perror(words[index]), 1;
    int failed = copy(file);
    close(file);
    if (failed) return failed;
  }
  return 0;
}

static int head(int count, char **words) {
  static char zeros[65536];
  long left = count > 2 ? atol(words[2]) : 0;
  while (left > 0) {
    size_t size = left < (long)sizeof zeros ? (size_t)left : sizeof zeros;
    if (write_all(1, zeros, size) != 0) return 1;
    left -= (long)size;
  }
  return 0;
}

static int nap(const char *text) {
  double seconds = atof(text);
  struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  return nanosleep(&time, NULL) == 0 ? 0 : 1;
}

static int list(const char *path) {
  DIR *folder = opendir(path);
  if (folder == NULL) return perror(path), 1;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) puts(entry->d_name);
  closedir(folder);
  return fflush(stdout);
}

static int put(const char *path, const char *text, int flags) {
  int file = open(path, O_WRONLY | O_CREAT | flags, 0644);
  if (file < 0) return perror(path), 1;
  int failed = write_all(file, text, strlen(text));
  return close(file) == 0 ? failed : (perror(path), 1);
}

static int result(int code, const char *what) {
  if (code != 0) perror(what);
  return code == 0 ? 0 : 1;
}

/** Doubles what it holds until there is no more. */
static int hog(int count, char **words) {
  size_t size = (size_t)(count > 1 ? atol(words[1]) : 4096) << 20;
  char *bytes = malloc(size);
  if (bytes == NULL) return fputs("no memory\n", stderr), 1;
  for (size_t at = 0; at < size; at += 4096) bytes[at] = 1;
  puts("held");
  return bytes[size - 4096] == 1 ? 0 : 1;
}

static int is(const char *name, const char *other) { return strcmp(name, other) == 0; }

static int sh(int count, char **words);

static int run(int count, char **words) {
  if (count == 0) return 0;
  const char *name = strrchr(words[0], '/');
  name = name == NULL ? words[0] : name + 1;
  if (is(name, "sh")) return sh(count, words);
  if (is(name, "true") || is(name, "trap")) return 0;
  if (is(name, "false")) return 1;
  if (is(name, "exit")) exit(count > 1 ? atoi(words[1]) : 0);
  if (is(name, "echo")) return echo(count, words);
  if (is(name, "printf")) return count > 1 ? write_all(1, words[1], strlen(words[1])) : 0;
  if (is(name, "cat")) return cat(count, words);
  if (is(name, "head")) return head(count, words);
  if (is(name, "sleep")) return nap(count > 1 ? words[1] : "0");
  if (is(name, "spin")) for (volatile long turn = 0;; turn += 1);
  if (is(name, "hog")) return hog(count, words);
  if (is(name, "ls")) return list(count > 1 ? words[1] : ".");
  if (is(name, "mkdir")) return result(mkdir(words[1], 0755), words[1]);
  if (is(name, "rm")) return result(unlink(words[count - 1]), words[count - 1]);
  if (is(name, "rmdir")) return result(rmdir(words[1]), words[1]);
  if (is(name, "mv")) return result(rename(words[1], words[2]), words[1]);
  if (is(name, "ln")) return result(symlink(words[1], words[2]), words[2]);
  if (is(name, "write")) return put(words[1], words[2], O_TRUNC);
  if (is(name, "append")) return put(words[1], words[2], O_APPEND);
  if (is(name, "abort")) abort();
  if (is(name, "pwd")) {
    char folder[4096];
    return getcwd(folder, sizeof folder) == NULL ? 1 : puts(folder) < 0;
  }
  if (is(name, "printenv")) {
    if (count < 2) return 1;
    const char *value = getenv(words[1]);
    return value == NULL ? 1 : puts(value) < 0;
  }
  if (is(name, "env")) {
    for (char **entry = environ; *entry != NULL; entry += 1) puts(*entry);
    return 0;
  }
  if (is(name, "test")) {
    struct stat found;
    return count > 2 && stat(words[2], &found) == 0 ? 0 : 1;
  }
#ifdef WASIX
  int code = wasix(count, words);
  if (code >= 0) return code;
#endif
  fprintf(stderr, "%s: not found\n", name);
  return 127;
}

enum { WORDS = 4096 };

/** Takes the next word off a statement; NULL at its end. */
static char *next_word(char **rest) {
  char *at = *rest;
  while (*at == ' ' || *at == '\n') at += 1;
  if (*at == '\0') return NULL;
  char *word = calloc(1, 4096);
  size_t size = 0;
  char quote = '\0';
  for (; *at != '\0' && (quote != '\0' || *at != ' '); at += 1) {
    if (quote == '\0' && (*at == '\'' || *at == '"')) quote = *at;
    else if (*at == quote) quote = '\0';
    else if (*at == '$' && quote != '\'') {
      char name[256];
      size_t length = 0;
      while (at[1] == '_' || (at[1] >= 'A' && at[1] <= 'Z')) name[length++] = *++at;
      name[length] = '\0';
      const char *value = getenv(name);
      if (value != NULL) size += (size_t)sprintf(word + size, "%s", value);
    } else word[size++] = *at;
  }
  *rest = at;
  return word;
}

static int statement(char *text) {
  char *words[WORDS];
  int count = 0;
  char *target = NULL;
  for (char *word; count < WORDS - 1 && (word = next_word(&text)) != NULL;) {
    if (word[0] == '>') target = word[1] == '\0' ? next_word(&text) : word + 1;
    else words[count++] = word;
  }
  words[count] = NULL;
  if (target == NULL) {
    int code = run(count, words);
    fflush(stdout);
    return code;
  }
  // There is no dup2 here: what is redirected is what echo and its like say, so they are asked to say it there.
  static char said[1 << 20];
  size_t size = 0;
  if (is(words[0], "head")) {
    long wanted = atol(words[2]);
    int file = open(target, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    for (; wanted > 0; wanted -= 4096)
      if (write_all(file, said, 4096) != 0) return perror(target), 1;
    return close(file);
  }
  for (int index = 1; index < count; index += 1) {
    size += (size_t)snprintf(said + size, sizeof said - size, index > 1 ? " %s" : "%s", words[index]);
  }
  if (is(words[0], "echo")) said[size++] = '\n';
  said[size] = '\0';
  return is(target, "&2") ? write_all(2, said, size) : put(target, said, O_TRUNC);
}

static int sh(int count, char **words) {
  if (count < 3) return 2;
  char *script = strdup(words[2]);
  int code = 0;
  for (char *line; (line = strsep(&script, ";")) != NULL;) {
    for (code = 0; line != NULL && code == 0;) {
      char *both = strstr(line, "&&");
      if (both != NULL) *both = '\0';
      code = statement(line);
      line = both == NULL ? NULL : both + 2;
    }
  }
  return code;
}

int main(int count, char **words) {
  // Preview 1 of WASI knows no current folder; programs that want one are told it by this variable.
  const char *folder = getenv("PWD");
  if (folder != NULL && chdir(folder) != 0) return perror(folder), 126;
  int code = run(count - 1, words + 1);
  fflush(stdout);
  return code;
}
