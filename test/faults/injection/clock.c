/*
 * A library to preload (LD_PRELOAD) that sets the clock back by a year, a second after the process has started. Clocks that only
 * measure how much time has passed go on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <sys/time.h>
#include <time.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static const time_t YEAR = 365 * 24 * 3600;
static time_t started;

static time_t monotonic(void) {
  struct timespec now;
  REAL(clock_gettime)(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

__attribute__((constructor)) static void begin(void) { started = monotonic(); }

static time_t back(void) { return monotonic() > started ? YEAR : 0; }

int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = REAL(clock_gettime)(clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec -= back();
  return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  int result = REAL(gettimeofday)(now, zone);
  if (result == 0) now->tv_sec -= back();
  return result;
}

time_t time(time_t *now) {
  time_t result = REAL(time)(NULL) - back();
  if (now != NULL) *now = result;
  return result;
}
