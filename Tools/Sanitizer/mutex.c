// Tells the thread sanitizer of Swift's Mutex. Linked into sanitized programs alone (Tools/tsan.sh).
//
// The fast paths of Synchronization.Mutex are inlined into our code, where the sanitizer sees their atomic operations. Where threads
// meet they go on in libswiftSynchronization, which is not instrumented: without this every contended Mutex looks like none, and
// what it guards like a data race. A definition in the program comes before the library's. It adds no order but the lock's own, so
// that it hides no race.
#define _GNU_SOURCE 1
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

// Methods of Swift, with the word of the lock as `self`.
#define METHOD __attribute__((swiftcall))
#define SELF __attribute__((swift_context)) uint32_t *word

typedef METHOD void lock_function(uint32_t thread, SELF);
typedef METHOD bool try_lock_function(SELF);
typedef METHOD void unlock_function(SELF);

lock_function lock_slow __asm__(LOCK);
try_lock_function try_lock_slow __asm__(TRY_LOCK);
unlock_function unlock_slow __asm__(UNLOCK);

// Of the sanitizer's runtime (sanitizer/tsan_interface.h).
void __tsan_acquire(void *address);
void __tsan_release(void *address);

static lock_function *library_lock;
static try_lock_function *library_try_lock;
static unlock_function *library_unlock;

// In a program without Swift's Mutex there are none, and nobody calls them. That the names are right the canary shows.
__attribute__((constructor)) static void find_all(void) {
    library_lock = (lock_function *)dlsym(RTLD_NEXT, LOCK);
    library_try_lock = (try_lock_function *)dlsym(RTLD_NEXT, TRY_LOCK);
    library_unlock = (unlock_function *)dlsym(RTLD_NEXT, UNLOCK);
}

METHOD void lock_slow(uint32_t thread, SELF) {
    library_lock(thread, word);
    __tsan_acquire(word);
}

METHOD bool try_lock_slow(SELF) {
    if (!library_try_lock(word)) return false;
    __tsan_acquire(word);
    return true;
}

METHOD void unlock_slow(SELF) {
    __tsan_release(word);
    library_unlock(word);
}
