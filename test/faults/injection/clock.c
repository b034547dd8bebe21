/*
 * A library to preload (LD_PRELOAD) that sets the clock back by a year, a second after the process has
 * started. Clocks that only measure how much time has passed go on. It asks the kernel, since a sanitizer
 * that is preloaded too asks for the time while functions are looked up.
 */
#define _GNU_SOURCE
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const time_t YEAR = 365 * 24 * 3600;
static time_t started;

static int real(clockid_t clock, struct timespec* now) { return (int)syscall(SYS_clock_gettime, clock, now); }

static time_t monotonic(void) {
  struct timespec now;
  real(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

__attribute__((constructor)) static void begin(void) { started = monotonic(); }

static time_t back(void) { return started != 0 && monotonic() > started ? YEAR : 0; }

int clock_gettime(clockid_t clock, struct timespec* now) {
  int result = real(clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec -= back();
  return result;
}

int gettimeofday(struct timeval* restrict now, void* restrict zone) {
  (void)zone;
  struct timespec exact;
  int result = clock_gettime(CLOCK_REALTIME, &exact);
  if (result != 0) return result;
  now->tv_sec = exact.tv_sec;
  now->tv_usec = exact.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* now) {
  struct timespec exact;
  clock_gettime(CLOCK_REALTIME_COARSE, &exact);
  if (now != NULL) *now = exact.tv_sec;
  return exact.tv_sec;
}
