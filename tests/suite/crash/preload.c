/* A failing disk and a jumping clock for one process: the crash tests preload this library into the
 * exporter. It reads the faults from a shared file (four 64-bit integers, see `struct faults`). The
 * variable TICKET_EXPORTER_TEST_FAULTS_FILE names the file, which the test changes at run time.
 *
 * Standard output and error are not affected: they are log files of the test. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

struct faults {
  volatile int64_t sync_delay_ms; /* delay of each fsync and fdatasync */
  int64_t room;                   /* free space for regular files in bytes; negative: no limit */
  volatile int64_t clock_ms;      /* added to the wall clock */
  volatile int64_t read_only;     /* not 0: no file can be opened for writing or created */
};

static struct faults *faults;

__attribute__((constructor)) static void open_faults(void) {
  const char *path = getenv("TICKET_EXPORTER_TEST_FAULTS_FILE");
  if (path == NULL) return;
  int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) abort();
  void *memory = mmap(NULL, sizeof(struct faults), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (memory == MAP_FAILED) abort();
  faults = memory;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* ---- the disk ---- */

static void delay(void) {
  int64_t left = faults ? faults->sync_delay_ms : 0;
  if (left <= 0) return;
  struct timespec time = {left / 1000, (left % 1000) * 1000000};
  while (nanosleep(&time, &time) != 0 && errno == EINTR) {
  }
}

int fsync(int file) {
  delay();
  return NEXT(fsync)(file);
}

int fdatasync(int file) {
  delay();
  return NEXT(fdatasync)(file);
}

static int is_limited(int file) {
  struct stat status;
  if (!faults || __atomic_load_n(&faults->room, __ATOMIC_RELAXED) < 0 || file <= 2) return 0;
  return fstat(file, &status) == 0 && S_ISREG(status.st_mode);
}

/* The part of `count` bytes that still fits: the write that fills the disk is partial. */
static size_t take(int file, size_t count) {
  if (!is_limited(file)) return count;
  int64_t room = __atomic_load_n(&faults->room, __ATOMIC_RELAXED);
  for (;;) {
    if (room < 0) return count;
    size_t part = (uint64_t)room < count ? (size_t)room : count;
    if (__atomic_compare_exchange_n(&faults->room, &room, room - (int64_t)part, 0,
                                    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
      return part;
  }
}

ssize_t write(int file, const void *bytes, size_t count) {
  size_t part = take(file, count);
  if (part == 0 && count > 0) {
    errno = ENOSPC;
    return -1;
  }
  return NEXT(write)(file, bytes, part);
}

static ssize_t write_at(int file, const void *bytes, size_t count, off64_t place) {
  size_t part = take(file, count);
  if (part == 0 && count > 0) {
    errno = ENOSPC;
    return -1;
  }
  return NEXT(pwrite64)(file, bytes, part, place);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t place) {
  return write_at(file, bytes, count, place);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t place) {
  return write_at(file, bytes, count, place);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
  if (!is_limited(file)) return NEXT(writev)(file, parts, count);
  /* A partial write is allowed. */
  for (int index = 0; index < count; index++)
    if (parts[index].iov_len > 0) return write(file, parts[index].iov_base, parts[index].iov_len);
  return 0;
}

static int is_refused(const char *path, int flags) {
  int writes = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
  return faults && faults->read_only && writes && strncmp(path, "/dev/", 5) != 0;
}

static int mode_of(int flags, va_list rest) {
  return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, int) : 0;
}

#define OPEN(name)                          \
  int name(const char *path, int flags, ...) { \
    va_list rest;                           \
    va_start(rest, flags);                  \
    int mode = mode_of(flags, rest);        \
    va_end(rest);                           \
    if (is_refused(path, flags)) {          \
      errno = EROFS;                        \
      return -1;                            \
    }                                       \
    return NEXT(name)(path, flags, mode);   \
  }

OPEN(open)
OPEN(open64)

int mkdir(const char *path, mode_t mode) {
  if (is_refused(path, O_CREAT)) {
    /* As in the kernel, existing folders are found before the disk is accessed. */
    errno = access(path, F_OK) == 0 ? EEXIST : EROFS;
    return -1;
  }
  return NEXT(mkdir)(path, mode);
}

int rename(const char *from, const char *to) {
  if (is_refused(to, O_CREAT)) {
    errno = EROFS;
    return -1;
  }
  return NEXT(rename)(from, to);
}

/* ---- the wall clock ---- */

static void shift(struct timespec *time, int64_t milliseconds) {
  int64_t nanoseconds = time->tv_nsec + (milliseconds % 1000) * 1000000;
  time->tv_sec += milliseconds / 1000;
  if (nanoseconds < 0) {
    nanoseconds += 1000000000;
    time->tv_sec -= 1;
  }
  if (nanoseconds >= 1000000000) {
    nanoseconds -= 1000000000;
    time->tv_sec += 1;
  }
  time->tv_nsec = nanoseconds;
}

static int64_t clock_offset(void) { return faults ? faults->clock_ms : 0; }

int clock_gettime(clockid_t clock, struct timespec *time) {
  static __typeof__(&clock_gettime) next;
  if (next == NULL) next = NEXT(clock_gettime);
  int result = next(clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    shift(time, clock_offset());
  return result;
}

int timespec_get(struct timespec *now, int base) {
  return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, now) == 0 ? base : 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec time;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &time) != 0) return -1;
  now->tv_sec = time.tv_sec;
  now->tv_usec = time.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *where) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (where != NULL) *where = now.tv_sec;
  return now.tv_sec;
}

/* The kernel's clock does not jump, so an absolute wait is converted to it. Without the version dlsym
 * finds the oldest symbol of this name, which has other structures. */
int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
  static __typeof__(&pthread_cond_timedwait) next;
  if (next == NULL) next = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  if (next == NULL) next = NEXT(pthread_cond_timedwait);
  struct timespec time = *until;
  shift(&time, -clock_offset());
  return next(condition, mutex, &time);
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                  const struct timespec *restrict until) {
  struct timespec time = *until;
  shift(&time, -clock_offset());
  return NEXT(cnd_timedwait)(condition, mutex, &time);
}
