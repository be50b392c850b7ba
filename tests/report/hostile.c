// An operation whose every word is meant to break a report: what it prints, the path it opens, and what it is called.
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PATH "/srv/<img src=x onerror=alert(1)>\"'&\xff\x1b[31m"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int asked, done;

static void* helper(void* nothing) {
  (void)nothing;
  pthread_mutex_lock(&lock);
  for (;;) {
    while (done == asked) pthread_cond_wait(&changed, &lock);
    int fd = open(PATH, O_RDONLY | O_CREAT, 0600);
    if (fd >= 0) close(fd);
    done = asked;
    pthread_cond_broadcast(&changed);
  }
  return NULL;
}

void before(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, helper, NULL);
}

// A helper that was made before the call does the work as the service.
int operation(void) {
  pthread_mutex_lock(&lock);
  ++asked;
  pthread_cond_broadcast(&changed);
  while (done != asked) pthread_cond_wait(&changed, &lock);
  pthread_mutex_unlock(&lock);
  return 0;
}

// Another answer for another user, in words that are markup.
int answers(void) {
  printf("</p><script>document.title='hacked'</script> & \"quotes\" 'too' \xff\xfe \xe2\x80\xae %s\n", getenv("HOME"));
  return 0;
}

// Nothing can be compared with it.
int no_two_alike(void) {
  static int once;
  return (int)((unsigned long)&once >> 12 & 0xffff);
}

int fine(void) {
  return 7;
}
