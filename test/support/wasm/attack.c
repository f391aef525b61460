// Tries to come out of the folders that a guest was given; says what it got hold of, and nothing when that is nothing.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int is(const char *name, const char *other) { return strcmp(name, other) == 0; }

/** Prints what is in a file that is none of the guest's. */
static int reach(const char *path, const char *own) {
  char bytes[256];
  int file = open(path, O_RDONLY);
  if (file < 0) return 0;
  ssize_t size = read(file, bytes, sizeof bytes - 1);
  close(file);
  if (size <= 0) return 0;
  bytes[size] = '\0';
  if (strncmp(bytes, own, strlen(own)) == 0) return 0;
  printf("reached %s: %s\n", path, bytes);
  return 1;
}

static int tell(int code, const char *what) {
  if (code == 0) printf("done: %s\n", what);
  return code == 0;
}

/** A folder and a link take turns under one name, as fast as it goes. */
static int flip(long turns) {
  for (long turn = 0; turn < turns; turn += 1) {
    rename("folder", "away");
    rename("link", "folder");
    rename("folder", "link");
    rename("away", "folder");
  }
  return 0;
}

/** While another one flips: reads, writes, makes and removes by the name that changes its meaning. */
static int chase(long turns) {
  int got = 0;
  for (long turn = 0; turn < turns; turn += 1) {
    got += reach("folder/secret", "own");
    int file = open("folder/planted", O_WRONLY | O_CREAT, 0644);
    if (file >= 0) close(file);
    mkdir("folder/made", 0755);
    rename("bait", "folder/moved");
    rename("folder/moved", "bait");
    unlink("folder/victim");
    rmdir("folder/made");
  }
  printf("chased %ld\n", turns);
  return got;
}

int main(int count, char **words) {
  const char *name = count > 1 ? words[1] : "";
  const char *folder = getenv("PWD");
  if (folder != NULL && chdir(folder) != 0) return perror(folder), 126;
  if (is(name, "read")) {
    int got = 0;
    for (int index = 2; index < count; index += 1) got += reach(words[index], "own");
    return got;
  }
  if (is(name, "write")) {
    int got = 0;
    for (int index = 2; index < count; index += 1) {
      int file = open(words[index], O_WRONLY | O_CREAT, 0644);
      if (file < 0) continue;
      got += tell(write(file, "x", 1) == 1 ? 0 : 1, words[index]);
      close(file);
    }
    return got;
  }
  if (is(name, "change")) {
    const char *path = words[2];
    char inner[4096];
    snprintf(inner, sizeof inner, "%s/new", path);
    return tell(unlink(path), "unlink") + tell(rename(path, "stolen"), "rename") + tell(rmdir(path), "rmdir") +
           tell(mkdir(inner, 0755), "mkdir") + tell(link(path, "linked"), "link") +
           tell(symlink("x", inner), "symlink") + tell(rename("bait", path), "replace") +
           tell(truncate(path, 0), "truncate");
  }
  if (is(name, "link")) return tell(symlink(words[2], words[3]), words[2]);
  if (is(name, "flip")) return flip(atol(words[2]));
  if (is(name, "chase")) return chase(atol(words[2]));
  return 127;
}
